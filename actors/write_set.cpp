// See write_set.hpp. The wire format is protobuf's (developers.google.com/protocol-buffers/docs/encoding): the golden
// file and a test against the generated class hold both together.

#include "actors/write_set.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "actors/records.hpp"

namespace coffer::actors {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using Set = store::v1::WriteSet;

constexpr std::size_t size_of_varint(std::uint64_t value) {
  std::size_t size = 1;
  for (; value > 0x7f; value >>= 7) ++size;
  return size;
}
constexpr std::size_t size_of_bytes(std::size_t size) { return 1 + size_of_varint(size) + size; }  // tags are one byte

/// Appends protobuf fields to memory that is large enough.
class Writer {
 public:
  explicit Writer(char* at) : at_(reinterpret_cast<std::uint8_t*>(at)) {}
  void number(int field, std::uint64_t value) {
    if (value == 0) return;  // proto3 leaves defaults out
    tag(field, WireFormatLite::WIRETYPE_VARINT);
    at_ = CodedOutputStream::WriteVarint64ToArray(value, at_);
  }
  void bytes(int field, std::string_view value) {
    if (value.empty()) return;
    begin(field, value.size());
    raw(value);
  }
  /// Of an element of a repeated field or a message: present also when it is empty.
  void begin(int field, std::size_t size) {
    tag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
    at_ = CodedOutputStream::WriteVarint64ToArray(size, at_);
  }
  void raw(std::string_view value) {
    at_ = CodedOutputStream::WriteRawToArray(value.data(), static_cast<int>(value.size()), at_);
  }
  const char* end() const { return reinterpret_cast<const char*>(at_); }

 private:
  void tag(int field, WireFormatLite::WireType type) {
    at_ = CodedOutputStream::WriteTagToArray(WireFormatLite::MakeTag(field, type), at_);
  }
  std::uint8_t* at_;
};

std::size_t size_of_put(const storage::RowChange& change) {
  return (change.row.empty() ? 0 : size_of_bytes(change.row.size())) +
         (change.value->empty() ? 0 : size_of_bytes(change.value->size()));
}

model::Error unknown(const char* why) {
  return {model::Code::data_loss, std::string("a write set is none that this program knows: ") + why};
}

/// Reads protobuf fields, one after the other.
class Reader {
 public:
  explicit Reader(std::string_view bytes)
      : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())), rest_(bytes) {}
  /// The next field's number; 0 at the end or when the bytes are damaged: then is_good() tells which.
  int next() {
    const int before = in_.CurrentPosition();
    tag_ = in_.ReadTag();
    constexpr int kTagBytes = 5;  // ReadTag takes longer ones, too, and forgets their upper bits
    if (in_.CurrentPosition() - before > kTagBytes) good_ = false;
    if (tag_ == 0) good_ = good_ && in_.ConsumedEntireMessage();
    const int field = WireFormatLite::GetTagFieldNumber(tag_);
    if (field == 0 && tag_ != 0) good_ = false;  // no field has this number; the rest must not pass for an end
    return field;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    good_ = good_ && type() == WireFormatLite::WIRETYPE_VARINT && in_.ReadVarint64(&value);
    return value;
  }
  std::string_view bytes() {
    std::uint32_t size = 0;
    good_ = good_ && type() == WireFormatLite::WIRETYPE_LENGTH_DELIMITED && in_.ReadVarint32(&size);
    const auto at = static_cast<std::size_t>(in_.CurrentPosition());
    good_ = good_ && size <= rest_.size() - at && in_.Skip(static_cast<int>(size));
    return good_ ? rest_.substr(at, size) : std::string_view();
  }
  void skip() { good_ = good_ && WireFormatLite::SkipField(&in_, tag_); }
  bool is_good() const { return good_; }

 private:
  WireFormatLite::WireType type() const { return WireFormatLite::GetTagWireType(tag_); }
  CodedInputStream in_;
  std::string_view rest_;
  std::uint32_t tag_ = 0;
  bool good_ = true;
};

bool read_put(std::string_view bytes, RowView& out) {
  out.value = std::string_view();
  Reader reader(bytes);
  while (const int field = reader.next()) {
    switch (field) {
      case Set::Put::kKeyFieldNumber: out.row = reader.bytes(); break;
      case Set::Put::kValueFieldNumber: out.value = reader.bytes(); break;
      default: reader.skip();
    }
    if (!reader.is_good()) return false;
  }
  return reader.is_good();
}

}  // namespace

std::shared_ptr<const std::string> encode_write_set(const WriteSetHead& head,
                                                    const std::vector<storage::RowChange>& rows,
                                                    std::string_view audit) {
  constexpr std::size_t kNumbers = 4 * 11;  // of the head, at most
  std::size_t size = kNumbers + size_of_bytes(head.tenant.view().size()) + size_of_bytes(audit.size());
  for (const auto& change : rows) size += size_of_bytes(change.value ? size_of_put(change) : change.row.size());
  auto bytes = std::make_shared<std::string>(size, '\0');
  Writer out(bytes->data());
  out.number(Set::kFormatFieldNumber, kRecordFormat);
  out.bytes(Set::kTenantFieldNumber, head.tenant.view());
  out.number(Set::kEpochFieldNumber, head.epoch);
  out.number(Set::kRevisionFieldNumber, head.revision);
  out.number(Set::kLeaderTimeMsFieldNumber, static_cast<std::uint64_t>(head.leader_time));
  for (const auto& change : rows) {
    if (!change.value) continue;
    out.begin(Set::kPutsFieldNumber, size_of_put(change));
    out.bytes(Set::Put::kKeyFieldNumber, change.row);
    out.bytes(Set::Put::kValueFieldNumber, *change.value);
  }
  for (const auto& change : rows) {
    if (change.value) continue;
    out.begin(Set::kDeletesFieldNumber, change.row.size());
    out.raw(change.row);
  }
  out.bytes(Set::kAuditFieldNumber, audit);
  bytes->resize(static_cast<std::size_t>(out.end() - bytes->data()));
  return bytes;
}

model::Status decode_write_set(std::string_view bytes, WriteSetView& out) {
  out = {{}, std::move(out.rows), {}};
  out.rows.clear();
  std::uint64_t format = 0;
  Reader reader(bytes);
  while (const int field = reader.next()) {
    switch (field) {
      case Set::kFormatFieldNumber: format = reader.number(); break;
      case Set::kTenantFieldNumber: {
        const std::string_view tenant = reader.bytes();
        if (tenant.size() != model::TenantId{}.view().size()) return unknown("its tenant is no id");
        out.head.tenant = model::TenantId::from_raw(tenant);
        break;
      }
      case Set::kEpochFieldNumber: out.head.epoch = static_cast<std::uint32_t>(reader.number()); break;
      case Set::kRevisionFieldNumber: out.head.revision = reader.number(); break;
      case Set::kLeaderTimeMsFieldNumber: out.head.leader_time = static_cast<model::TimeMs>(reader.number()); break;
      case Set::kPutsFieldNumber:
        if (!read_put(reader.bytes(), out.rows.emplace_back())) return unknown("a row does not parse");
        break;
      case Set::kDeletesFieldNumber: out.rows.push_back({reader.bytes(), std::nullopt}); break;
      case Set::kAuditFieldNumber: out.audit = reader.bytes(); break;
      default: reader.skip();
    }
    if (!reader.is_good()) break;
  }
  if (!reader.is_good()) return unknown("it does not parse");
  if (format != kRecordFormat) return unknown("its format is another");
  return {};
}

}  // namespace coffer::actors
