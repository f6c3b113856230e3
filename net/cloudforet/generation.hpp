#pragma once
// One wire generation of Cloudforet's API: its descriptors in a pool of their own and empty messages of its types. The
// two generations have the same names and different fields, so neither is compiled into the program; the door reads and
// writes messages by the names of their fields (message.hpp). Made once, on main's thread; then constant, any thread.

#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

namespace coffer::net::cloudforet {

class Generation {
 public:
  /// 1.12, with SecretGroup.
  static const Generation& older();
  /// 2.x, with UserSecret's siblings Secret and TrustedSecret as of 2.0.222.
  static const Generation& newer();

  bool is_older() const { return is_older_; }
  /// Null when the generation has no such service.
  const google::protobuf::ServiceDescriptor* service(const std::string& full_name) const {
    return pool_.FindServiceByName(full_name);
  }
  /// Lives as long as the program.
  const google::protobuf::Message& prototype(const google::protobuf::Descriptor* type) const {
    return *factory_.GetPrototype(type);
  }

 private:
  Generation(std::string_view descriptors, bool is_older);

  google::protobuf::DescriptorPool pool_;
  mutable google::protobuf::DynamicMessageFactory factory_;  // thread-safe
  bool is_older_;
};

}  // namespace coffer::net::cloudforet
