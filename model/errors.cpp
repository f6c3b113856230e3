// The rows of the error catalogue, in the order of their numbers; any thread.

#include "model/errors.hpp"

#include <array>

namespace coffer::model {
namespace {

using enum Category;

constexpr std::array kRows{
    CodeInfo{Code::ok, ok, "OK", "The request succeeded."},
    CodeInfo{Code::invalid_argument, invalid_argument, "INVALID_ARGUMENT",
             "The request is malformed and cannot succeed as it is."},
    CodeInfo{Code::too_large, invalid_argument, "INVALID_ARGUMENT", "The request exceeds a limit of the API."},
    CodeInfo{Code::entry_not_found, not_found, "NOT_FOUND", "There is no such secret."},
    CodeInfo{Code::version_not_found, not_found, "NOT_FOUND", "The secret has no such version."},
    CodeInfo{Code::tenant_not_found, not_found, "NOT_FOUND", "There is no such tenant."},
    CodeInfo{Code::tenant_exists, already_exists, "ALREADY_EXISTS", "A tenant of this name exists."},
    CodeInfo{Code::entry_exists, already_exists, "ALREADY_EXISTS", "A secret of this name exists."},
    CodeInfo{Code::cas_mismatch, aborted, "ABORTED",
             "The secret's current version is not the expected one; read it again and retry."},
    CodeInfo{Code::request_id_reused, failed_precondition, "REQUEST_ID_REUSED",
             "The request id was used for another request; choose a new one."},
    CodeInfo{Code::unauthenticated, unauthenticated, "UNAUTHENTICATED",
             "The credential is missing, unknown, expired or revoked."},
    CodeInfo{Code::permission_denied, permission_denied, "PERMISSION_DENIED", "The credential does not permit this."},
    CodeInfo{Code::token_not_found, not_found, "NOT_FOUND", "There is no such token."},
    CodeInfo{Code::door_taken, already_exists, "ALREADY_EXISTS", "This external id leads to another tenant."},
    CodeInfo{Code::not_active, failed_precondition, "FAILED_PRECONDITION",
             "The secret or its version is deleted or destroyed."},
    CodeInfo{Code::unavailable, unavailable, "UNAVAILABLE", "The request was not applied; retry it."},
    CodeInfo{Code::outcome_unknown, unavailable, "OUTCOME_UNKNOWN",
             "The request may have been applied; retry it with the same request id."},
    CodeInfo{Code::deadline_exceeded, deadline_exceeded, "DEADLINE_EXCEEDED",
             "The deadline passed before the request was applied."},
    CodeInfo{Code::sealed, unavailable, "SEALED", "The node is sealed; an operator must unseal it."},
    CodeInfo{Code::overloaded, resource_exhausted, "RESOURCE_EXHAUSTED",
             "The server is overloaded and did not apply the request; retry later."},
    CodeInfo{Code::disk_error, internal, "DISK_ERROR", "The node's disk failed; an operator must look at it."},
    CodeInfo{Code::data_loss, data_loss, "DATA_LOSS", "What is stored is damaged."},
    CodeInfo{Code::unimplemented, unimplemented, "UNIMPLEMENTED", "The server does not implement this."},
    CodeInfo{Code::internal, internal, "INTERNAL", "The server failed; its log says more."},
    CodeInfo{Code::quota_exceeded, resource_exhausted, "QUOTA_EXCEEDED",
             "A limit of the tenant or of the caller's address is reached."},
    CodeInfo{Code::key_mismatch, failed_precondition, "KEY_MISMATCH", "The seal's key does not open what is stored."},
    CodeInfo{Code::write_only, permission_denied, "WRITE_ONLY", "The value of this secret may not be read."},
    CodeInfo{Code::read_only, permission_denied, "READ_ONLY", "The value of this secret may not be changed."},
    CodeInfo{Code::revision_compacted, out_of_range, "REVISION_COMPACTED",
             "Changes since that revision are not kept any more: list the secrets and watch from the list's revision."},
    CodeInfo{Code::not_owned, permission_denied, "PERMISSION_DENIED", "This secret belongs to somebody else."},
};

constexpr bool rows_stand_at_their_numbers() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].code) != i) return false;
    if (kRows[i].name.empty() || kRows[i].sentence.empty()) return false;
  }
  return true;
}
static_assert(rows_stand_at_their_numbers(), "a code is looked up by its number");
// A new code belongs behind the last one, here and in its row.
static_assert(kRows.back().code == Code::not_owned, "every code has a row");

}  // namespace

std::span<const CodeInfo> catalogue() { return kRows; }

const CodeInfo& info(Code code) {
  const auto number = static_cast<std::size_t>(code);
  return kRows[number < kRows.size() ? number : static_cast<std::size_t>(Code::internal)];
}

int http_status(Category category) {
  switch (category) {
    case ok: return 200;
    case unknown: return 500;
    case invalid_argument: return 400;
    case deadline_exceeded: return 504;
    case not_found: return 404;
    case already_exists: return 409;
    case permission_denied: return 403;
    case resource_exhausted: return 429;
    case failed_precondition: return 400;
    case aborted: return 409;
    case out_of_range: return 400;
    case unimplemented: return 501;
    case internal: return 500;
    case unavailable: return 503;
    case data_loss: return 500;
    case unauthenticated: return 401;
  }
  return 500;
}

std::string_view category_name(Category category) {
  switch (category) {
    case ok: return "OK";
    case unknown: return "UNKNOWN";
    case invalid_argument: return "INVALID_ARGUMENT";
    case deadline_exceeded: return "DEADLINE_EXCEEDED";
    case not_found: return "NOT_FOUND";
    case already_exists: return "ALREADY_EXISTS";
    case permission_denied: return "PERMISSION_DENIED";
    case resource_exhausted: return "RESOURCE_EXHAUSTED";
    case failed_precondition: return "FAILED_PRECONDITION";
    case aborted: return "ABORTED";
    case out_of_range: return "OUT_OF_RANGE";
    case unimplemented: return "UNIMPLEMENTED";
    case internal: return "INTERNAL";
    case unavailable: return "UNAVAILABLE";
    case data_loss: return "DATA_LOSS";
    case unauthenticated: return "UNAUTHENTICATED";
  }
  return "INTERNAL";
}

}  // namespace coffer::model
