// Shared parts of the secrets' commands; see secret_options.hpp.

#include "app/cli/secret_options.hpp"

namespace coffer::app::cli {

void add_space(CLI::App* command, SecretOptions& options) {
  command->add_option("--space", options.space, "Space in the tenant")->type_name("SPACE")->capture_default_str();
  add_tenant(command, options.connection);
  add_output(command, options.output);
  add_connection(command, options.connection);
}

void add_secret(CLI::App* command, SecretOptions& options) {
  command->add_option("NAME", options.name, "The secret's name; it may contain '/'")->required()->type_name("");
  add_space(command, options);
}

model::Error no_moving_expiry() {
  return {
      model::Code::invalid_argument,
      "with --request-id, --expires is a time such as 2030-01-31T12:00:00Z: a duration is another time with each call"};
}

model::Result<std::map<std::string, std::string>> parse_tags(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> tags;
  for (const auto& argument : arguments) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
      return model::Error(model::Code::invalid_argument, "'" + argument + "' is not a tag; write key=value");
    }
    if (!tags.emplace(argument.substr(0, equals), argument.substr(equals + 1)).second) {
      return model::Error(model::Code::invalid_argument,
                          "the tag '" + argument.substr(0, equals) + "' is given more than once");
    }
  }
  return tags;
}

v1::Metadata metadata_of(const v1::Secret& secret) {
  v1::Metadata m;
  m.set_name(secret.name());
  m.set_space(secret.space());
  m.set_version(secret.version());
  m.set_state(secret.state());
  *m.mutable_tags() = secret.tags();
  m.set_description(secret.description());
  if (secret.has_expires_at()) *m.mutable_expires_at() = secret.expires_at();
  if (secret.has_created_at()) *m.mutable_created_at() = secret.created_at();
  if (secret.has_updated_at()) *m.mutable_updated_at() = secret.updated_at();
  m.set_created_by(secret.created_by());
  m.set_max_versions(secret.max_versions());
  return m;
}

void print_metadata(const v1::Metadata& m, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(m);
    return;
  }
  Record record;
  record.add("name", m.name());
  record.add("space", m.space());
  record.add("version", std::to_string(m.version()));
  record.add("state", m.state());
  record.add("tags", show_tags(m.tags()));
  record.add("description", m.description());
  record.add("expires", show_time(m.has_expires_at(), m.expires_at()));
  record.add("created", show_time(m.has_created_at(), m.created_at()));
  record.add("updated", show_time(m.has_updated_at(), m.updated_at()));
  record.add("created by", m.created_by());
  record.add("keeps versions", m.max_versions() == 0 ? "" : std::to_string(m.max_versions()));
  record.print(out);
}

}  // namespace coffer::app::cli
