// See audit_format.hpp.

#include "actors/audit_format.hpp"

#include "actors/audit_line.hpp"
#include "actors/records.hpp"
#include "crypto/hash.hpp"
#include "storage/audit_directory.hpp"

namespace coffer::actors {
namespace {

using model::Code;

/// Half of the hash: enough to tell a tenant's secrets apart, and half of the space.
constexpr std::size_t kShownHash = 16;
/// A thousand items with so much each are as long as kMostItemsBytes.
constexpr std::size_t kMostItemDetails = 384;

// A byte of text has at most six letters. A reader takes a line that is longer than its bound for damage.
constexpr std::size_t kMostTexts = 9, kMostOther = 8 << 10;
static_assert(kMostItemsBytes + kMostShortItemsBytes + kMostTexts * (6 * kMostAuditText) + kMostOther <=
              kMostRecordBytes);
static_assert(kMostRecordBytes < storage::AuditDirectory::kMostLineBytes);

std::string shown(std::string_view hash) { return crypto::hex(hash.substr(0, kShownHash)); }
std::string_view view(const model::NameHash& hash) { return {hash.data(), hash.size()}; }

/// The catalogue's number of the outcome goes beside its name where several codes share one.
std::string_view outcome(Code code) { return code == Code::ok ? std::string_view("OK") : model::info(code).name; }

void begin(std::string& out, std::string_view kind, const model::TenantId& tenant) {
  out.assign("\"kind\":\"").append(kind).append("\"");
  if (!tenant.is_zero()) AuditLine(out).word("tenant", to_string(tenant));
}

/// Why a Tapis request failed, in the contract's words where it has some.
std::string_view tapis_reason(std::string_view event, Code code) {
  if (code == Code::write_only) return "readable=false";
  if (code == Code::read_only) return "writable=false";
  if (!event.ends_with("_DENIED") && !event.ends_with("_FAILED")) return {};
  if (code == Code::not_owned) return "not the acting user's secret";
  if (code == Code::invalid_argument) return {};  // the details say it
  return model::info(code).category == model::Category::not_found ? "not found" : model::info(code).sentence;
}

/// The contract has its own log levels; the rest of the trail needs none.
void add_tapis(AuditLine& line, std::string_view event, Code code) {
  if (event.empty()) return;
  line.text("event", event).word("level", event.ends_with("_FAILED") ? "warning" : "info");
  line.text("reason", tapis_reason(event, code));
}

/// One token of a render.
std::string_view tapis_token_event(const model::AuditItem& item) {
  if (item.action == "validate") return "SECRET_VALIDATION_FAILED";
  if (item.action == "get" && (item.code == Code::ok || item.code == Code::write_only)) {
    return item.code == Code::ok ? "SECRET_READ" : "SECRET_READ_DENIED";
  }
  if (item.action == "inject" && item.code == Code::ok) return "SECRET_INJECTED";
  return item.action == "describe" ? "" : "SECRET_RESOLUTION_FAILED";
}

void format_item(const model::AuditItem& item, const model::AuditEvent& of, bool in_full, std::string& out) {
  // The entry comes first: who looks for a name's records looks for it there (audit_verify.cpp).
  out += '{';
  if (item.has_entry) out.append("\"entry\":\"").append(shown(view(item.entry))).append("\",");
  out.append("\"outcome\":\"").append(outcome(item.code)).append("\"");
  AuditLine line(out);
  line.text("action", item.action);
  if (of.door == model::Door::tapis) {
    const bool is_token = of.action == "render";
    add_tapis(line, is_token ? tapis_token_event(item) : tapis_event(item.action, item.code, {}), item.code);
  }
  if (in_full) line.text("details", item.details, kMostItemDetails);
  out += '}';
}

void format_operation(const store::v1::AuditedOperation& one, std::string_view door, bool in_full, std::string& out) {
  out.append("{\"entry\":\"").append(shown(one.entry_hash())).append("\",\"outcome\":\"OK\"");
  AuditLine line(out);
  line.text("action", one.action());
  if (door == to_string(model::Door::tapis)) add_tapis(line, tapis_event(one.action(), Code::ok, {}), Code::ok);
  if (in_full) line.text("space", one.space()).text("name", one.name());
  if (one.version() != 0) line.number("version", one.version());
  out += '}';
}

/// `write(item, in_full)` appends one item as an object; `items` is a range.
template <typename Items, typename Write>
void format_items(const Items& items, std::string& out, const Write& write) {
  out += ",\"items\":[";
  const std::size_t begin = out.size();
  std::uint64_t shortened = 0, left_out = 0;
  for (const auto& one : items) {
    const std::size_t before = out.size();
    if (before != begin) out += ',';
    const auto fits = [&](bool in_full, std::size_t most) {
      const std::size_t comma = out.size();
      write(one, in_full);
      if (out.size() - begin <= most) return true;
      out.resize(comma);
      return false;
    };
    if (shortened == 0 && left_out == 0 && fits(true, kMostItemsBytes)) continue;
    if (left_out == 0 && fits(false, kMostItemsBytes + kMostShortItemsBytes)) {
      ++shortened;
    } else {
      ++left_out;
      out.resize(before);
    }
  }
  out += ']';
  AuditLine line(out);
  if (shortened != 0) line.number("items_shortened", shortened);
  if (left_out != 0) line.number("items_left_out", left_out);
}

}  // namespace

std::string_view tapis_event(std::string_view action, Code code, std::string_view details) {
  const bool ok = code == Code::ok;
  if (action == "put") {
    // Not by the version: a secret that is made again under its old name goes on counting.
    if (ok) return details.starts_with("updated_value=") ? "SECRET_UPDATED" : "SECRET_CREATED";
    return code == Code::read_only || code == Code::permission_denied ? "SECRET_WRITE_DENIED" : "";
  }
  if (action == "update_metadata") {
    if (ok) return {};  // the contract's event is about the value
    return code == Code::read_only || code == Code::permission_denied ? "SECRET_WRITE_DENIED" : "";
  }
  if (action == "get") {
    if (ok) return "SECRET_READ";
    return code == Code::write_only || code == Code::permission_denied ? "SECRET_READ_DENIED" : "";
  }
  if (action == "inject") return ok ? "SECRET_INJECTED" : "SECRET_RESOLUTION_FAILED";
  // The door's only transaction destroys a pod's secrets.
  if (action == "delete" || action == "destroy" || action == "transact") {
    return ok ? "SECRET_DELETED" : code == Code::permission_denied ? "SECRET_WRITE_DENIED" : "";
  }
  return {};
}

void format_request(const AuditQueue::Item& item, std::string& out) {
  const model::AuditEvent& event = item.event;
  begin(out, "request", event.tenant);
  AuditLine line(out);
  line.word("door", to_string(event.door)).text("action", event.action);
  if (event.door == model::Door::tapis) {
    add_tapis(line, tapis_event(event.action, event.code, event.details), event.code);
  }
  if (event.entry != nullptr) line.word("entry", shown(view(*event.entry)));
  line.text("space", event.space).text("name", event.name);
  if (event.version != 0) line.number("version", event.version);
  line.word("outcome", outcome(event.code));
  line.text("principal", event.principal).text("address", event.address).text("request_id", event.request_id);
  line.text("trace", event.trace).text("details", event.details);
  if (event.items == nullptr) return;
  format_items(*event.items, out,
               [&](const model::AuditItem& one, bool in_full) { format_item(one, event, in_full, out); });
}

bool format_change(const model::AuditedChange& change, std::string& out) {
  store::v1::AuditRecord record;
  if (!record.ParseFromArray(change.record.data(), static_cast<int>(change.record.size()))) return false;
  begin(out, "change", change.tenant);
  AuditLine line(out);
  line.text("door", record.door()).text("action", record.action());
  if (record.door() == to_string(model::Door::tapis) && record.operations().empty()) {
    add_tapis(line, tapis_event(record.action(), Code::ok, record.details()), Code::ok);
  }
  if (!record.entry_hash().empty()) line.word("entry", shown(record.entry_hash()));
  line.text("space", record.space()).text("name", record.name());
  if (record.version() != 0) line.number("version", record.version());
  line.word("outcome", "OK");
  line.text("principal", record.principal()).text("address", record.address());
  line.text("request_id", record.request_id()).text("trace", record.trace()).text("details", record.details());
  line.word("decided", audit_time(record.time_ms()));
  line.number("group", change.group.value).number("index", change.index.value);
  line.number("epoch", change.revision.epoch).number("revision", change.revision.counter);
  if (record.operations().empty()) return true;
  format_items(record.operations(), out,
               [&](const auto& one, bool in_full) { format_operation(one, record.door(), in_full, out); });
  return true;
}

void format_refusals(const RefusalCounts::Source& source, const RefusalCounts::Count& count, std::string& out) {
  begin(out, "refusals", {});
  AuditLine line(out);
  if (source.address.empty()) {
    line.text("address", "others");
  } else {
    line.word("door", to_string(source.door)).text("principal", source.principal).text("address", source.address);
  }
  line.word("outcome", outcome(source.code)).number("count", count.count);
  line.word("first", audit_time(count.first)).word("last", audit_time(count.last));
}

}  // namespace coffer::actors
