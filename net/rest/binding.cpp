// Annotations to bindings, and requests to messages; see binding.hpp.

#include "net/rest/binding.hpp"

#include <algorithm>

#include "google/api/annotations.pb.h"
#include "model/utf8.hpp"
#include "net/rest/json_read.hpp"
#include "net/rest/slot.hpp"

namespace coffer::net::rest {
namespace {

using google::api::HttpRule;
using google::protobuf::Message;
using model::Code;
using model::Error;
using model::Result;
using model::Status;
using Path = std::vector<const FieldShape*>;

Error bad(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

/// The fields that a dotted name leads through; empty when it leads nowhere.
Path find_path(const Shape& shape, std::string_view dotted) {
  Path path;
  const Shape* at = &shape;
  while (true) {
    const auto dot = dotted.find('.');
    const FieldShape* field = at ? at->find(dotted.substr(0, dot)) : nullptr;
    if (!field || field->is_map) return {};
    path.push_back(field);
    if (dot == std::string_view::npos) return path;
    if (field->is_list || field->kind != Kind::message) return {};
    at = field->message;
    dotted.remove_prefix(dot + 1);
  }
}

/// The message that holds the last field of the path, made on the way.
Message* holder(const Path& path, Message* message) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    message = message->GetReflection()->MutableMessage(message, path[i]->field);
  }
  return message;
}

bool has_value(const Message& message, const FieldShape& field) {
  return message.GetReflection()->HasField(message, field.field);
}

/// A text that is not UTF-8 would be written into a proto3 string unseen.
Status set(const FieldShape& field, Message* message, std::string_view where, std::string_view text) {
  if (field.kind == Kind::text && !model::is_valid_utf8(text)) return bad(std::string(where) + ": expected UTF-8");
  if (!set_word(Slot{message, &field}, text)) return bad(std::string(where) + ": " + expected(field));
  return {};
}

std::pair<std::string, std::string> verb_and_pattern(const HttpRule& rule) {
  switch (rule.pattern_case()) {
    case HttpRule::kGet: return {"GET", rule.get()};
    case HttpRule::kPut: return {"PUT", rule.put()};
    case HttpRule::kPost: return {"POST", rule.post()};
    case HttpRule::kDelete: return {"DELETE", rule.delete_()};
    case HttpRule::kPatch: return {"PATCH", rule.patch()};
    default: return {};
  }
}

/// The names within {}; an "=*" behind a name says what holds anyway.
std::vector<std::string> variable_names(std::string_view pattern) {
  std::vector<std::string> names;
  for (auto open = pattern.find('{'); open != std::string_view::npos; open = pattern.find('{', open + 1)) {
    const auto inside = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    names.emplace_back(inside.substr(0, inside.find('=')));
  }
  return names;
}

}  // namespace

class BindingMaker {
 public:
  static Result<std::unique_ptr<Binding>> make(const Method& method, const HttpRule& rule, Shapes& shapes) {
    const auto& name = method.descriptor->full_name();
    auto binding = std::make_unique<Binding>();
    std::tie(binding->verb, binding->pattern) = verb_and_pattern(rule);
    if (binding->verb.empty()) return bad(name + ": its HTTP annotation has no verb");
    const auto in = shapes.of(method.descriptor->input_type());
    if (!in) return in.error();
    const auto out = shapes.of(method.descriptor->output_type());
    if (!out) return out.error();
    binding->in = *in;
    binding->out = *out;
    if (!rule.response_body().empty()) return Error(Code::unimplemented, name + ": response_body is not served");
    if (rule.body() == "*") {
      binding->body_ = Binding::Body::whole;
    } else if (!rule.body().empty()) {
      binding->body_ = Binding::Body::field;
      binding->body_field_ = binding->in->find(rule.body());
      if (!binding->body_field_ || binding->body_field_->kind != Kind::message || binding->body_field_->is_map ||
          binding->body_field_->is_list) {
        return bad(name + ": its HTTP body '" + rule.body() + "' is not a message");
      }
    }
    for (auto& variable : variable_names(binding->pattern)) {
      Path path = find_path(*binding->in, variable);
      if (path.empty() || path.back()->kind == Kind::message || path.back()->is_list) {
        return bad(name + ": its HTTP path names '" + variable + "', which is not a field of one word");
      }
      binding->variables_.emplace_back(std::move(variable), std::move(path));
    }
    return binding;
  }
};

Status Binding::fill(const Words& variables, const Words& query, std::string_view body, std::size_t json_depth,
                     Message* message) const {
  if (body_ == Body::none) {
    if (!body.empty()) return bad("this call takes no body; its parameters stand in the path and the query");
  } else if (!body.empty()) {
    Message* target =
        body_ == Body::whole ? message : message->GetReflection()->MutableMessage(message, body_field_->field);
    if (auto status = read_json(body, json_depth, body_ == Body::whole ? *in : *body_field_->message, target);
        !status) {
      return status;
    }
  }
  if (auto status = set_parameters(query, message); !status) return status;
  for (const auto& [name, value] : variables) {
    const auto variable = std::ranges::find(variables_, name, &std::pair<std::string, Path>::first);
    if (variable == variables_.end()) continue;
    if (auto status = set_variable(variable->second, name, value, message); !status) return status;
  }
  return {};
}

Status Binding::set_variable(const Path& path, std::string_view name, std::string_view value, Message* message) const {
  const FieldShape& field = *path.back();
  message = holder(path, message);
  const bool had = has_value(*message, field);
  const std::string before = had ? scalar_text(*message, field) : std::string();
  if (auto status = set(field, message, name, value); !status) return status;
  if (!had || scalar_text(*message, field) == before) return {};
  return bad(std::string(name) + ": the path says otherwise");
}

Status Binding::set_parameters(const Words& query, Message* message) const {
  std::vector<Path> given;
  for (const auto& [name, value] : query) {
    // A whole body leaves no field to the query (google/api/http.proto).
    Path path = body_ == Body::whole ? Path() : find_path(*in, name);
    if (path.empty() || path.back()->kind == Kind::message || path.front() == body_field_) {
      return bad("there is no query parameter '" + shown(name) + "' here");
    }
    if (!path.back()->is_list && std::ranges::find(given, path) != given.end()) {
      return bad(name + ": the query parameter stands there twice");
    }
    if (auto status = set(*path.back(), holder(path, message), name, value); !status) return status;
    given.push_back(std::move(path));
  }
  return {};
}

Result<std::vector<std::unique_ptr<Binding>>> bindings_of(const Method& method, Shapes& shapes) {
  std::vector<std::unique_ptr<Binding>> bindings;
  const auto add = [&](const HttpRule& one) -> Status {
    auto binding = BindingMaker::make(method, one, shapes);
    if (!binding) return binding.error();
    bindings.push_back(*std::move(binding));
    return {};
  };
  for (const std::string& path : method.rest_paths) {
    HttpRule own;
    own.set_post(path);
    own.set_body("*");
    if (auto status = add(own); !status) return status.error();
  }
  const auto& options = method.descriptor->options();
  if (!bindings.empty() || !options.HasExtension(google::api::http)) return bindings;
  const HttpRule& rule = options.GetExtension(google::api::http);
  if (auto status = add(rule); !status) return status.error();
  for (const HttpRule& more : rule.additional_bindings()) {
    if (auto status = add(more); !status) return status.error();
  }
  return bindings;
}

}  // namespace coffer::net::rest
