#pragma once
// A method's google.api.http annotation, read once: at which path and verb it stands, and how path variables, query and
// body become its message. Made on main's thread when a listener is made; fill() runs on the io thread.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include "model/result.hpp"
#include "net/rest/shape.hpp"
#include "net/rpc.hpp"

namespace coffer::net::rest {

using Words = std::vector<std::pair<std::string, std::string>>;  // decoded names and values, in order

class Binding {
 public:
  std::string verb;     // "GET"
  std::string pattern;  // "/v1/tenants/{tenant}"
  const Shape* in = nullptr;
  const Shape* out = nullptr;

  bool takes_body() const { return body_ != Body::none; }
  /// Fills `message` from the parts of a request. A path variable wins over everything, and what differs from it is an
  /// error. Errors: invalid_argument with the field's path and what would be right.
  model::Status fill(const Words& variables, const Words& query, std::string_view body, std::size_t json_depth,
                     google::protobuf::Message* message) const;

 private:
  friend class BindingMaker;
  enum class Body { none, whole, field };
  using Path = std::vector<const FieldShape*>;

  model::Status set_variable(const Path& path, std::string_view name, std::string_view value,
                             google::protobuf::Message* message) const;
  model::Status set_parameters(const Words& query, google::protobuf::Message* message) const;

  Body body_ = Body::none;
  const FieldShape* body_field_ = nullptr;
  std::vector<std::pair<std::string, Path>> variables_;
};

/// The method's binding and its additional bindings; none when it has no annotation. Errors: invalid_argument or
/// unimplemented that name the method and what its annotation asks for.
model::Result<std::vector<std::unique_ptr<Binding>>> bindings_of(const Method& method, Shapes& shapes);

}  // namespace coffer::net::rest
