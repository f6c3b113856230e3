#pragma once
// Canonical bytes of requests (to compare a retried one with the first) and stored bytes of mutations' replies.
// Both may hold plaintext and therefore live in Secret. Pure, any thread. Golden files: tests/unit/model/golden.

#include "model/requests.hpp"

namespace coffer::model {

/// The same bytes for the same operation, different ones for different ones (lengths are written before contents).
Secret canonical_request(const TenantOperation& operation);

/// Format byte 1, kind byte, fields. Replies of mutations only (EntryReply, DeleteReply, TransactReply, TokenReply,
/// PolicyReply, IssuerReply, CertificateRuleReply, QuotaReply); payloads, token secrets and a policy's roles are left out. REQUIRES:
/// such a body.
Secret encode_reply(const ReplyBody& body);
/// Errors: data_loss.
Result<ReplyBody> decode_reply(std::string_view bytes);

}  // namespace coffer::model
