// grpc.reflection v1 and v1alpha (the same messages): what services there are, and the files that describe them. Written
// by hand for the reason that health.cpp names, and because doors may bring descriptors of pools of their own. A message
// is read and written as numbered fields; the numbers are those of grpc/reflection/v1/reflection.proto.

#include <set>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include "net/grpc/worker.hpp"

namespace coffer::net::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

namespace ask {  // ServerReflectionRequest
constexpr int kFileByName = 3, kFileOfSymbol = 4, kFileOfExtension = 5, kExtensionsOf = 6, kServices = 7;
}
namespace tell {  // ServerReflectionResponse
constexpr int kRequest = 2, kFiles = 4, kExtensions = 5, kServices = 6, kError = 7;
}

/// All pools that the doors' methods come from.
std::vector<const DescriptorPool*> pools_of(const Shared& shared) {
  std::set<const DescriptorPool*> pools;
  for (const auto& served : shared.service->methods()) pools.insert(served.method->descriptor->file()->pool());
  return {pools.begin(), pools.end()};
}

/// The last field of this number, as text; a varint as its digits.
const UnknownField* find(const UnknownFieldSet& fields, int number) {
  for (int i = fields.field_count(); i-- > 0;) {
    if (fields.field(i).number() == number) return &fields.field(i);
  }
  return nullptr;
}

std::string text_of(const UnknownField* field) {
  return field && field->type() == UnknownField::TYPE_LENGTH_DELIMITED ? field->length_delimited() : std::string();
}

void add(UnknownFieldSet* to, int number, const UnknownFieldSet& message) {
  message.SerializeToString(to->AddLengthDelimited(number));
}

class Answerer {
 public:
  explicit Answerer(const Shared& shared) : shared_(shared), pools_(pools_of(shared)) {}

  std::string answer(const std::string& request) {
    UnknownFieldSet asked;
    UnknownFieldSet answer;
    answer.AddLengthDelimited(tell::kRequest, request);
    if (!asked.ParseFromString(request) || !fill(asked, &answer)) {
      fail(grpc::StatusCode::INVALID_ARGUMENT, "the request asks nothing", &answer);
    }
    std::string bytes;
    answer.SerializeToString(&bytes);
    return bytes;
  }

 private:
  bool fill(const UnknownFieldSet& asked, UnknownFieldSet* answer) {
    if (const auto* name = find(asked, ask::kFileByName)) {
      file(first([&](const DescriptorPool* pool) { return pool->FindFileByName(text_of(name)); }), answer);
    } else if (const auto* symbol = find(asked, ask::kFileOfSymbol)) {
      file(first([&](const DescriptorPool* pool) { return pool->FindFileContainingSymbol(text_of(symbol)); }), answer);
    } else if (const auto* extension = find(asked, ask::kFileOfExtension)) {
      file_of_extension(text_of(extension), answer);
    } else if (const auto* type = find(asked, ask::kExtensionsOf)) {
      extensions_of(text_of(type), answer);
    } else if (find(asked, ask::kServices)) {
      services(answer);
    } else {
      return false;
    }
    return true;
  }

  template <class Look>
  auto first(const Look& look) -> decltype(look(nullptr)) {
    for (const auto* pool : pools_) {
      if (const auto* found = look(pool)) return found;
    }
    return nullptr;
  }

  void services(UnknownFieldSet* answer) {
    UnknownFieldSet list;
    for (const auto& name : shared_.service_names) {
      UnknownFieldSet service;
      service.AddLengthDelimited(1, name);
      add(&list, 1, service);
    }
    add(answer, tell::kServices, list);
  }

  void file(const FileDescriptor* descriptor, UnknownFieldSet* answer) {
    if (!descriptor) return fail(grpc::StatusCode::NOT_FOUND, "there is no such file or symbol", answer);
    UnknownFieldSet files;
    std::set<const FileDescriptor*> seen;
    add_with_imports(descriptor, &seen, &files);
    add(answer, tell::kFiles, files);
  }

  void add_with_imports(const FileDescriptor* descriptor, std::set<const FileDescriptor*>* seen,
                        UnknownFieldSet* files) {
    if (!seen->insert(descriptor).second) return;
    google::protobuf::FileDescriptorProto proto;
    descriptor->CopyTo(&proto);
    descriptor->CopyJsonNameTo(&proto);
    proto.SerializeToString(files->AddLengthDelimited(1));
    for (int i = 0; i < descriptor->dependency_count(); ++i) {
      add_with_imports(descriptor->dependency(i), seen, files);
    }
  }

  void file_of_extension(const std::string& bytes, UnknownFieldSet* answer) {
    UnknownFieldSet fields;
    fields.ParseFromString(bytes);
    const auto* number = find(fields, 2);
    const std::string type_name = text_of(find(fields, 1));
    const auto* found = first([&](const DescriptorPool* pool) -> const FieldDescriptor* {
      const Descriptor* type = pool->FindMessageTypeByName(type_name);
      if (!type || !number || number->type() != UnknownField::TYPE_VARINT) return nullptr;
      return pool->FindExtensionByNumber(type, static_cast<int>(number->varint()));
    });
    file(found ? found->file() : nullptr, answer);
  }

  void extensions_of(const std::string& name, UnknownFieldSet* answer) {
    UnknownFieldSet list;
    list.AddLengthDelimited(1, name);
    bool known = false;
    for (const auto* pool : pools_) {
      const Descriptor* type = pool->FindMessageTypeByName(name);
      if (!type) continue;
      known = true;
      std::vector<const FieldDescriptor*> extensions;
      pool->FindAllExtensions(type, &extensions);
      for (const auto* extension : extensions) list.AddVarint(2, static_cast<std::uint64_t>(extension->number()));
    }
    if (!known) return fail(grpc::StatusCode::NOT_FOUND, "there is no such message", answer);
    add(answer, tell::kExtensions, list);
  }

  static void fail(grpc::StatusCode code, const std::string& reason, UnknownFieldSet* answer) {
    UnknownFieldSet error;
    error.AddVarint(1, static_cast<std::uint64_t>(code));
    error.AddLengthDelimited(2, reason);
    add(answer, tell::kError, error);
  }

  const Shared& shared_;
  std::vector<const DescriptorPool*> pools_;
};

/// A stream of questions and answers, one operation at a time.
class ReflectionCall final : private Tag, private Visited {
 public:
  static void post(Worker& worker, int index) {
    auto* call = new ReflectionCall(worker, index);  // the queue holds it
    worker.opened();
    worker.shared().service->RequestAsyncBidiStreaming(index, &call->context_, &call->stream_, worker.queue(),
                                                       worker.queue(), static_cast<Tag*>(call));
  }

 private:
  enum class Doing { requesting, reading, writing, finishing };

  ReflectionCall(Worker& worker, int index) : worker_(worker), index_(index), answerer_(worker.shared()) {}

  void proceed(bool ok) override {
    if (doing_ == Doing::finishing || (doing_ == Doing::requesting && !ok)) {
      worker_.closed();
      delete this;
      return;
    }
    if (doing_ == Doing::requesting) {
      post(worker_, index_);
      worker_.visit(this);
    }
    if (!ok) {  // the client has asked enough, or is gone
      doing_ = Doing::finishing;
      stream_.Finish(grpc::Status::OK, static_cast<Tag*>(this));
    } else if (doing_ == Doing::reading) {
      doing_ = Doing::writing;
      stream_.Write(to_buffer(answerer_.answer(to_string(request_))), static_cast<Tag*>(this));
    } else {
      doing_ = Doing::reading;
      stream_.Read(&request_, static_cast<Tag*>(this));
    }
  }

  void tick(Clock::time_point) override {
    if (worker_.shared().draining.load(std::memory_order_acquire)) context_.TryCancel();
  }

  Worker& worker_;
  const int index_;
  Answerer answerer_;
  Doing doing_ = Doing::requesting;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&context_};
};

}  // namespace

void post_reflection(Worker& worker) {
  for (const int index : worker.shared().service->reflection) ReflectionCall::post(worker, index);
}

}  // namespace coffer::net::rpc
