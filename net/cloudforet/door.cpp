// See door.hpp. Every method is found by its name in the generation's descriptors; what a verb needs is in changes.hpp,
// query.hpp and show.hpp.

#include "net/cloudforet/door.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "net/cloudforet/access.hpp"
#include "net/cloudforet/changes.hpp"
#include "net/cloudforet/show.hpp"
#include "net/cloudforet/stages.hpp"

namespace coffer::net {
namespace cloudforet {
namespace {

namespace json = boost::json;
using google::protobuf::MethodDescriptor;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

/// "update_data" and "SecretGroup" as paths write them.
std::string kebab(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !out.empty()) out += '-';
    out += upper ? static_cast<char>(c + ('a' - 'A')) : c == '_' ? '-' : c;
  }
  return out;
}

/// What a stored value is for this door: a JSON object. What another door put comes as a map, or under "value".
model::Secret object_of(const model::Payload& payload) {
  if (payload.kind == model::PayloadKind::json) return payload.content;
  json::object object;
  for (const auto& [key, value] : model::as_map(payload, "value")) {
    const std::string_view text = value.expose();
    object[key] = json::string_view(text.data(), text.size());
  }
  return model::Secret(json::serialize(object));
}

/// The trusted secret's members under the secret's own.
model::Secret merged(const model::Secret& own, const model::Secret& trusted) {
  const auto read = [](const model::Secret& text) {
    boost::system::error_code ec;
    auto value = json::parse(json::string_view(text.expose().data(), text.size()), ec);
    return !ec && value.is_object() ? value.as_object() : json::object();
  };
  json::object out = read(trusted);
  for (const auto& member : read(own)) out.insert_or_assign(member.key(), member.value());
  return model::Secret(json::serialize(out));
}

/// Only what is in the workspace; what belongs to the whole domain is looked at, too.
void narrow(const std::string& workspace, model::TenantOperation& operation) {
  const model::Restriction to_look_at{"workspace_id", {workspace, "*"}}, to_change{"workspace_id", {workspace}};
  if (auto* change = std::get_if<model::ChangeDocument>(&operation)) {
    if (change->kind == model::ChangeDocument::Kind::create) {
      change->attributes["workspace_id"] = workspace;
    } else {
      change->where.push_back(to_change);
    }
  }
  if (auto* read = std::get_if<model::ReadDocument>(&operation)) read->where.push_back(to_look_at);
  if (auto* query = std::get_if<model::Query>(&operation)) query->where.push_back(to_look_at);
}

template <class Body>
const Body* body_of(const Rpc& rpc) {
  return std::get_if<Body>(&rpc.reply.value().body);
}
Error unexpected() { return Error(Code::internal, "the reply does not fit the request"); }

class CloudforetDoor final : public Door {
 public:
  CloudforetDoor(const Doors& settings, actors::Gateway& gateway, const Generation& generation,
                 std::shared_ptr<const Encryption> encryption)
      : settings_(settings),
        generation_(generation),
        access_(settings, gateway, !generation.is_older()),
        resources_(resources_of(generation)),
        encryption_(std::move(encryption)) {}

  std::string_view name() const override { return "cloudforet"; }
  std::vector<Method> methods() override;
  std::vector<std::string> path_prefixes() const override { return {"/secret/"}; }
  WireStatus http_failure(const Error& failure, std::string_view) const override {
    return to_status(failure, {.keys = "path", .values = "unknown", .older = generation_.is_older()});
  }
  WireStatus unknown_path(const Caller&, std::string_view) const override {
    return to_status(error("ERROR_UNSUPPORTED_API", "API is not supported."), {});
  }
  bool hides_verbs() const override { return true; }

 private:
  Method make(const Resource* resource, const MethodDescriptor& descriptor);
  Method make_version();
  Result<Step> decode(const Resource& resource, const std::string& verb, Rpc& rpc) const;
  Result<model::TenantOperation> operation_of(const Resource& resource, const std::string& verb, Rpc& rpc) const;
  Status encode(const Resource& resource, const std::string& verb, Rpc& rpc) const;
  Status encode_data(const model::BatchGetReply& reply, Message& out) const;
  Status encode_query(const Resource& resource, const std::string& verb, Rpc& rpc) const;
  WireStatus fail(const Resource& resource, const std::string& verb, const Rpc& rpc, const Error& failure) const;

  const Doors settings_;
  const Generation& generation_;
  const Access access_;
  const std::vector<Resource> resources_;
  const std::shared_ptr<const Encryption> encryption_;
};

std::vector<Method> CloudforetDoor::methods() {
  std::vector<Method> methods;
  for (const Resource& resource : resources_) {
    for (int i = 0; i < resource.service->method_count(); ++i) {
      methods.push_back(make(&resource, *resource.service->method(i)));
    }
  }
  methods.push_back(make_version());
  return methods;
}

Method CloudforetDoor::make(const Resource* resource, const MethodDescriptor& descriptor) {
  Method method;
  const std::string verb = descriptor.name();
  method.descriptor = &descriptor;
  method.in_prototype = &generation_.prototype(descriptor.input_type());
  method.out_prototype = &generation_.prototype(descriptor.output_type());
  method.decode = [this, resource, verb](Rpc& rpc) { return decode(*resource, verb, rpc); };
  method.encode = [this, resource, verb](Rpc& rpc) { return encode(*resource, verb, rpc); };
  method.fail = [this, resource, verb](const Rpc& rpc, const Error& failure) {
    return fail(*resource, verb, rpc, failure);
  };
  if (verb == "list" || verb == "stat") {  // a domain in which nothing was ever made is empty
    method.recover = [resource, verb](Rpc& rpc, const Error& failure) {
      if (failure.code != Code::tenant_not_found) return false;
      if (verb == "stat") show_stat(*resource, {}, false, false, rpc.out());
      return true;
    };
  }
  const std::string path = kebab(resource->name) + "/" + kebab(verb);
  method.rest = true;
  method.rest_paths = {"/secret/v1/" + path, "/secret/" + path};
  return method;
}

Method CloudforetDoor::make_version() {
  Method method;
  method.descriptor = generation_.service("spaceone.api.core.v1.ServerInfo")->FindMethodByName("get_version");
  method.in_prototype = &generation_.prototype(method.descriptor->input_type());
  method.out_prototype = &generation_.prototype(method.descriptor->output_type());
  method.decode = [this](Rpc& rpc) -> Result<Step> {
    set_text(rpc.out(), "version", settings_.version);
    return Step::done;
  };
  method.encode = [](Rpc&) { return Status(); };
  method.fail = [](const Rpc&, const Error& failure) { return to_status(failure, {}); };
  return method;
}

Result<Step> CloudforetDoor::decode(const Resource& resource, const std::string& verb, Rpc& rpc) const {
  const Message& in = rpc.in();
  const bool reads_value = verb == "get_data";
  // 1.12 names the domain in every request; the others only where no token may be there.
  const bool needs_domain = field_of(in, "domain_id") && (resource.older() || reads_value) && verb != "stat";
  const bool needed = needs_domain && !(resource.of_user && !reads_value);
  const bool of_stat = verb == "stat" && resource.older() && !resource.of_user;
  const auto workspace = access_.open(rpc.caller(), rpc.request, text(in, "domain_id"), needed || of_stat, reads_value);
  if (!workspace) return workspace.error();
  auto operation = operation_of(resource, verb, rpc);
  if (!operation) return operation.error();
  if (!workspace->empty() && resource.has_workspaces() && !reads_value) narrow(*workspace, *operation);
  rpc.request.tenant.create_at_first_use = settings_.dev && verb == "create";
  rpc.request.operation = std::move(*operation);
  return Step::submit;
}

Result<model::TenantOperation> CloudforetDoor::operation_of(const Resource& resource, const std::string& verb,
                                                            Rpc& rpc) const {
  const Message& in = rpc.in();
  const auto as_operation = [](auto made) -> Result<model::TenantOperation> {
    if (!made) return made.error();
    return model::TenantOperation(std::move(*made));
  };
  if (verb == "create") {
    return as_operation(read_create(resource, in, rpc.request.tenant.door.external_id, crypto::system_random()));
  }
  if (verb == "update") return as_operation(read_update(resource, in));
  if (verb == "update_data") return as_operation(read_update_data(resource, in));
  if (verb == "delete") return as_operation(read_delete(resource, in));
  if (verb == "add_secret" || verb == "remove_secret") {
    return as_operation(read_membership(resource, in, verb == "add_secret"));
  }
  if (verb == "get" || verb == "get_data") {
    if (auto only = read_only(resource, in); !only) return only.error();
    return as_operation(read_read(resource, in, verb == "get_data"));
  }
  if (verb == "list") {
    Shown shown;
    return as_operation(read_list(resource, in, &shown));
  }
  if (verb == "stat") return as_operation(read_stat(resource, in));
  return error("ERROR_UNKNOWN", "Method not implemented!");  // enable and disable, as upstream
}

Status CloudforetDoor::encode(const Resource& resource, const std::string& verb, Rpc& rpc) const {
  if (verb == "list" || verb == "stat") return encode_query(resource, verb, rpc);
  Message& out = rpc.out();
  if (verb == "get" || verb == "get_data") {
    const auto* reply = body_of<model::BatchGetReply>(rpc);
    if (!reply || reply->results.empty() || !reply->results.front().ok()) return unexpected();
    if (verb == "get_data") return encode_data(*reply, out);
    auto only = read_only(resource, rpc.in());
    if (!only) return only.error();
    show_info(resource, reply->results.front().value().entry, *only, out);
    return {};
  }
  const auto* reply = body_of<model::EntryReply>(rpc);
  if (!reply) return unexpected();
  if (verb == "create" || verb == "update") show_info(resource, reply->entry, {}, out);
  if (verb == "add_secret") {
    show_info(resource, reply->entry, {}, *mutable_child(out, "secret_group_info"));
    Message& secret = *mutable_child(out, "secret_info");
    set_text(secret, "secret_id", text(rpc.in(), "secret_id"));
    set_text(secret, "domain_id", rpc.request.tenant.door.external_id);
    set_text(out, "domain_id", rpc.request.tenant.door.external_id);
  }
  return {};
}

Status CloudforetDoor::encode_data(const model::BatchGetReply& reply, Message& out) const {
  const auto value_of = [&](std::size_t i) -> std::optional<model::Secret> {
    if (i >= reply.results.size() || !reply.results[i].ok() || !reply.results[i].value().payload) return std::nullopt;
    return object_of(*reply.results[i].value().payload);
  };
  const auto own = value_of(0), trusted = value_of(1);
  if (!own) return unexpected();
  Message& data = *mutable_child(out, "data");
  Message& options = *mutable_child(out, "encrypt_options");
  if (!encryption_) {
    fill_struct((trusted ? merged(*own, *trusted) : *own).expose(), data);
    return {};
  }
  const auto sealed = encryption_->encrypt(*own, trusted ? &*trusted : nullptr, crypto::system_random());
  if (!sealed) return Error(Code::internal, "the value could not be encrypted");
  fill_struct(sealed->data, data);
  fill_struct(sealed->options, options);
  set_flag(out, "encrypted", true);
  return {};
}

Status CloudforetDoor::encode_query(const Resource& resource, const std::string& verb, Rpc& rpc) const {
  const auto* reply = body_of<model::QueryReply>(rpc);
  if (!reply) return unexpected();
  if (verb == "list") {
    Shown shown;
    if (auto again = read_list(resource, rpc.in(), &shown); !again) return again.error();
    show_list(resource, *reply, shown, rpc.out());
    return {};
  }
  const Message* query = child(rpc.in(), "query");
  const Message* page = query ? child(*query, "page") : nullptr;
  show_stat(resource, *reply, query && keeps_documents(*query), page && number(*page, "limit") > 0, rpc.out());
  return {};
}

WireStatus CloudforetDoor::fail(const Resource& resource, const std::string& verb, const Rpc& rpc,
                                const Error& failure) const {
  if (failure.code == Code::too_large && (failure.detail == "domain_id" || failure.detail == "user_id")) {
    // Too long to be stored, and there is nothing of whoever has such a one.
    return fail(resource, verb, rpc,
                verb == "create" ? too_long(resource, failure.detail) : Error(Code::entry_not_found));
  }
  Failed failed;
  failed.older = resource.older() && !resource.of_user;
  // Only what passed the door can be wrong in the eyes of the tenant.
  failed.is_query = (verb == "list" || verb == "stat") && !rpc.request.tenant.door.external_id.empty();
  failed.unique = "['name', 'domain_id']";
  const std::string& domain = rpc.request.tenant.door.external_id;
  std::vector<std::string> keys, values;
  const auto add = [&](std::string_view key, const std::string& value) {
    keys.emplace_back(key);
    values.push_back(value);
  };
  if (failure.code == Code::tenant_not_found && (verb == "create" || failed.is_query)) {
    add("domain_id", domain);
  } else if (failure.code == Code::entry_not_found && failure.detail == "trusted_secret_id") {
    add("trusted_secret_id", text(rpc.in(), "trusted_secret_id"));
  } else if (failure.code == Code::entry_not_found && failure.detail.starts_with("trusted_secret_id ")) {
    add("trusted_secret_id", failure.detail.substr(failure.detail.find(' ') + 1));  // that of the secret
  } else if ((failure.code == Code::entry_not_found && failure.detail == "secrets") ||
             (failure.code == Code::version_not_found && verb == "remove_secret")) {
    add("secret_id", text(rpc.in(), "secret_id"));
  } else {
    add(resource.id_field, text(rpc.in(), resource.id_field));
    add("domain_id", domain);
    const std::string& principal = rpc.request.credential.principal;
    if (resource.of_user && principal.starts_with("user:")) add("user_id", principal.substr(5));
  }
  failed.keys = python_tuple(keys);
  failed.values = python_tuple(values);
  if (verb == "add_secret" && failure.code == Code::entry_exists) {
    return to_status(error("ERROR_ALREADY_EXIST_SECRET_IN_SECRET_GROUP",
                           "Secret is already in the group. (secret_id = " + text(rpc.in(), "secret_id") + ")"),
                     failed);
  }
  return to_status(failure, failed);
}

}  // namespace
}  // namespace cloudforet

std::unique_ptr<Door> make_cloudforet_door(const Doors& settings, actors::Gateway& gateway, bool newer,
                                           std::shared_ptr<const cloudforet::Encryption> encryption) {
  const auto& generation = newer ? cloudforet::Generation::newer() : cloudforet::Generation::older();
  return std::make_unique<cloudforet::CloudforetDoor>(settings, gateway, generation, std::move(encryption));
}

}  // namespace coffer::net
