// coffer cloudforet list, get, get-data and stat: a person's look at a Cloudforet domain, in the door's own words and by
// its own messages (generation 1.12, which every public listener serves). Main's thread.

#include <boost/json.hpp>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "net/cloudforet/resource.hpp"

namespace coffer::app::cli {
namespace {

namespace json = boost::json;
namespace cf = net::cloudforet;
using google::protobuf::Message;

struct CloudforetOptions {
  ConnectionOptions connection;
  OutputOption output;
  std::string resource = "secret", id, domain, keyword, out;
  std::vector<std::string> filters, sorts, groups;
  std::uint32_t page = 0, page_size = 0;
};

/// "secret" and "user-secret" as the door calls them.
const cf::Resource* find_resource(const std::vector<cf::Resource>& all, const std::string& name) {
  std::string plain;
  for (const char c : name) {
    if (c != '-') plain += c;
  }
  for (const cf::Resource& one : all) {
    std::string lower(one.name);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower == plain) return &one;
  }
  return nullptr;
}

/// "KEY OP VALUE": the value is JSON when it reads as such, else text.
model::Result<json::value> to_filter(const std::string& text) {
  const auto first = text.find(' ');
  const auto second = first == std::string::npos ? first : text.find(' ', first + 1);
  if (second == std::string::npos) {
    return model::Error(model::Code::invalid_argument,
                        "--filter: '" + text + "' is not 'KEY OPERATOR VALUE', as in 'name contain web'");
  }
  boost::system::error_code ec;
  const std::string written = text.substr(second + 1);
  json::value value = json::parse(written, ec);
  if (ec) value = json::string(written);
  return json::value(json::object{
      {"k", text.substr(0, first)}, {"o", text.substr(first + 1, second - first - 1)}, {"v", std::move(value)}});
}

model::Result<json::array> to_filters(const CloudforetOptions& o) {
  json::array filters;
  for (const std::string& text : o.filters) {
    auto filter = to_filter(text);
    if (!filter) return filter.error();
    filters.push_back(std::move(*filter));
  }
  return filters;
}

/// 1.12 has one Sort with keys, 2.x (UserSecret) a list of sorts. "-KEY" descends.
json::value to_sort(const CloudforetOptions& o, bool is_list) {
  json::array keys;
  for (const std::string& sort : o.sorts) {
    const bool descends = sort.starts_with('-');
    keys.push_back(json::object{{"key", sort.substr(descends ? 1 : 0)}, {"desc", descends}});
  }
  if (is_list) return keys;
  return json::object{{"keys", std::move(keys)}};
}

class DoorClient {
 public:
  DoorClient(const CloudforetOptions& options, Connection& connection)
      : options_(options),
        connection_(connection),
        resources_(cf::resources_of(cf::Generation::older())),
        resource_(find_resource(resources_, options.resource)) {}

  const cf::Resource* resource() const { return resource_; }

  /// Calls a verb with what `request` says; the answer as JSON in the names of REST.
  Outcome call(const std::string& verb, json::object request, json::value& answer) {
    const auto* method = resource_->service->FindMethodByName(verb);
    if (!method) return Failure(Exit::usage, "a " + options_.resource + " has no " + verb);
    const auto& generation = cf::Generation::older();
    const std::unique_ptr<Message> in(generation.prototype(method->input_type()).New());
    const std::unique_ptr<Message> out(generation.prototype(method->output_type()).New());
    if (method->input_type()->FindFieldByName("domain_id") && !options_.domain.empty()) {
      request["domain_id"] = options_.domain;
    }
    const auto filled = google::protobuf::util::JsonStringToMessage(json::serialize(request), in.get());
    if (!filled.ok()) return Failure(Exit::usage, "the request cannot be made: " + filled.ToString());
    if (auto failure = exchange("/" + resource_->service->full_name() + "/" + verb, verb, *in, out.get())) {
      return failure;
    }
    google::protobuf::util::JsonPrintOptions print;
    print.preserve_proto_field_names = true;
    print.always_print_primitive_fields = true;
    std::string text;
    if (!google::protobuf::util::MessageToJsonString(*out, &text, print).ok()) {
      return Failure(Exit::failed, "the answer cannot be shown");
    }
    json::error_code failed;
    answer = json::parse(text, failed, {}, {.max_depth = 256});  // the server's bound is 64, and that of a value
    model::wipe(text.data(), text.size());
    return failed ? Outcome(Failure(Exit::failed, "the answer cannot be shown")) : std::nullopt;
  }

 private:
  Outcome exchange(const std::string& path, const std::string& verb, const Message& in, Message* out) {
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    const std::string bytes = in.SerializeAsString();
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer reply;
    const std::string what = verb + " " + options_.resource + (options_.id.empty() ? "" : " '" + options_.id + "'");
    auto failure = connection_.call(what, [&](grpc::ClientContext* context) {
      if (!options_.domain.empty()) context->AddMetadata("x_domain_id", options_.domain);
      return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(connection_.channel().get(), rpc,
                                                                                   context, request, &reply);
    });
    if (failure) return failure;
    std::vector<grpc::Slice> slices;
    std::string whole;
    if (!reply.Dump(&slices).ok()) return Failure(Exit::failed, "the answer cannot be read");
    for (const grpc::Slice& one : slices) whole.append(reinterpret_cast<const char*>(one.begin()), one.size());
    const bool good = out->ParseFromString(whole);
    model::wipe(whole.data(), whole.size());
    return good ? std::nullopt : Outcome(Failure(Exit::failed, "the answer cannot be read"));
  }

  const CloudforetOptions& options_;
  Connection& connection_;
  const std::vector<cf::Resource> resources_;
  const cf::Resource* resource_;
};

/// Connects, and hands the client to `work`.
Outcome with_door(const CloudforetOptions& o, Io& io, const std::function<Outcome(DoorClient&)>& work) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  DoorClient client(o, *connection);
  if (!client.resource()) {
    return Failure(Exit::usage, "there is no resource '" + o.resource + "'",
                   "it is one of secret, trusted-secret, secret-group and user-secret");
  }
  return work(client);
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value ? value->if_string() : nullptr;
  return text ? std::string(text->data(), text->size()) : value && !value->is_null() ? json::serialize(*value) : "";
}

void print_json(const json::value& value, std::ostream& out) { out << json::serialize(value) << "\n"; }

void print_table(const cf::Resource& resource, const json::value& answer, std::ostream& out) {
  const std::string id(resource.id_field), schema(resource.schema_field());
  Table table({"ID", "NAME", "SCHEMA", "PROVIDER", "PROJECT", "CREATED", "TAGS"});
  const json::value* results = answer.as_object().if_contains("results");
  for (const json::value& one : results ? results->as_array() : json::array()) {
    const json::object& row = one.as_object();
    table.add({text_of(row, id.c_str()), text_of(row, "name"), text_of(row, schema.c_str()), text_of(row, "provider"),
               text_of(row, "project_id"), text_of(row, "created_at"), text_of(row, "tags")});
  }
  table.print(out);
}

Outcome list(const CloudforetOptions& o, Io& io) {
  auto filters = to_filters(o);
  if (!filters) return Failure(filters.error());
  return with_door(o, io, [&](DoorClient& door) -> Outcome {
    json::object query{{"filter", std::move(*filters)}, {"keyword", o.keyword}};
    if (!o.sorts.empty()) query["sort"] = to_sort(o, door.resource()->of_user);
    if (o.page_size != 0) {
      const std::uint64_t start = o.page <= 1 ? 1 : std::uint64_t{o.page - 1} * o.page_size + 1;
      query["page"] = json::object{{"start", start}, {"limit", o.page_size}};
    }
    json::value answer;
    if (auto failure = door.call("list", {{"query", std::move(query)}}, answer)) return failure;
    if (o.output.json()) {
      print_json(answer, io.out);
      return std::nullopt;
    }
    print_table(*door.resource(), answer, io.out);
    const json::object& object = answer.as_object();
    if (object.at("results").as_array().size() < object.at("total_count").to_number<std::size_t>()) {
      io.err << "shown of " << object.at("total_count") << "; --page shows others\n";
    }
    return std::nullopt;
  });
}

Outcome get(const CloudforetOptions& o, Io& io) {
  return with_door(o, io, [&](DoorClient& door) -> Outcome {
    json::value answer;
    if (auto failure = door.call("get", {{door.resource()->id_field, o.id}}, answer)) return failure;
    if (o.output.json()) {
      print_json(answer, io.out);
      return std::nullopt;
    }
    Record record;
    for (const auto& member : answer.as_object()) {
      const std::string key(member.key());
      record.add(key, text_of(answer.as_object(), key.c_str()));
    }
    record.print(io.out);
    return std::nullopt;
  });
}

/// The value as one JSON document: to a file that only its owner reads, or to stdout.
Outcome get_data(const CloudforetOptions& o, Io& io) {
  return with_door(o, io, [&](DoorClient& door) -> Outcome {
    json::value answer;
    if (auto failure = door.call("get_data", {{door.resource()->id_field, o.id}}, answer)) return failure;
    const json::object& info = answer.as_object();
    const bool encrypted = info.contains("encrypted") && info.at("encrypted").as_bool();
    std::string text = json::serialize(encrypted ? answer : info.at("data")) + "\n";
    Outcome outcome;
    if (o.out.empty()) {
      io.out << text;
    } else if (const auto status = write_private_file(o.out, text); !status.ok()) {
      outcome = Failure(status.error());
    }
    model::wipe(text.data(), text.size());
    return outcome;
  });
}

/// How many there are, by the values of keys.
Outcome stat(const CloudforetOptions& o, Io& io) {
  auto filters = to_filters(o);
  if (!filters) return Failure(filters.error());
  return with_door(o, io, [&](DoorClient& door) -> Outcome {
    json::array keys;
    for (const std::string& key : o.groups) keys.push_back(json::object{{"k", key}, {"n", key}});
    json::object group{{"keys", std::move(keys)},
                       {"fields", json::array{json::object{{"n", "count"}, {"o", "count"}}}}};
    json::object query{{"filter", std::move(*filters)}, {"keyword", o.keyword}};
    // The most first.
    const json::object most{{"key", "count"}, {"desc", true}};
    const json::value order = door.resource()->of_user ? json::value(json::array{most}) : json::value(most);
    query["aggregate"] = json::array{json::object{{"group", std::move(group)}}, json::object{{"sort", order}}};
    json::value answer;
    if (auto failure = door.call("stat", {{"query", std::move(query)}}, answer)) return failure;
    if (o.output.json()) {
      print_json(answer, io.out);
      return std::nullopt;
    }
    std::vector<std::string> headings = o.groups;
    headings.emplace_back("count");
    Table table(headings);
    for (const json::value& row : answer.as_object().at("results").as_array()) {
      std::vector<std::string> cells;
      for (const std::string& heading : headings) cells.push_back(text_of(row.as_object(), heading.c_str()));
      table.add(std::move(cells));
    }
    table.print(io.out);
    return std::nullopt;
  });
}

void add_common(CLI::App* command, CloudforetOptions& o, bool has_id) {
  command->add_option("RESOURCE", o.resource, "secret, trusted-secret, secret-group or user-secret")
      ->required()
      ->type_name("");
  if (has_id) command->add_option("ID", o.id, "Its id: secret-0123456789ab")->required()->type_name("");
  command->add_option("--domain", o.domain, "The domain's id; a Cloudforet token names its own for user secrets")
      ->type_name("ID")
      ->envname("COFFER_DOMAIN");
  add_connection(command, o.connection);
}

void add_filters(CLI::App* command, CloudforetOptions& o) {
  add_repeated(command, "--filter", o.filters,
               "'KEY OPERATOR VALUE', as in 'name contain web' or 'tags.n gte 2'; all must hold")
      ->type_name("FILTER");
  command->add_option("--keyword", o.keyword, "Words, one of which is in id, name, schema or provider")
      ->type_name("TEXT");
}

}  // namespace

void add_cloudforet(CLI::App& root, Program& program) {
  auto* door = root.add_subcommand("cloudforet", "Look at the secrets of a Cloudforet domain.");
  door->require_subcommand(1);

  auto l = std::make_shared<CloudforetOptions>();
  auto* command = door->add_subcommand("list", "List what there is, without values.");
  add_common(command, *l, false);
  add_filters(command, *l);
  add_repeated(command, "--sort", l->sorts, "A key to order by; -KEY descends")->type_name("KEY");
  command->add_option("--page", l->page, "Which page, from 1")->type_name("N")->check(check_whole_number);
  command->add_option("--page-size", l->page_size, "How many are on a page (default: everything)")
      ->type_name("N")
      ->check(check_whole_number);
  add_output(command, l->output);
  program.on(command, [l, &program] { return list(*l, program.io); });

  auto g = std::make_shared<CloudforetOptions>();
  command = door->add_subcommand("get", "Show one, without its value.");
  add_common(command, *g, true);
  add_output(command, g->output);
  program.on(command, [g, &program] { return get(*g, program.io); });

  auto d = std::make_shared<CloudforetOptions>();
  command = door->add_subcommand("get-data", "Write one's value as JSON; needs a system token or a token of Coffer's.");
  add_common(command, *d, true);
  command->add_option("--out", d->out, "A file that only its owner will read (default: stdout)")->type_name("FILE");
  program.on(command, [d, &program] { return get_data(*d, program.io); });

  auto s = std::make_shared<CloudforetOptions>();
  command = door->add_subcommand("stat", "Count, by the values of keys.");
  add_common(command, *s, false);
  add_filters(command, *s);
  add_repeated(command, "--group", s->groups, "A key to count by")->type_name("KEY");
  add_output(command, s->output);
  program.on(command, [s, &program] { return stat(*s, program.io); });
}

}  // namespace coffer::app::cli
