#pragma once
// A request on its way to the node that leads its tenant's group, and the reply on its way back, as bytes. They hold
// plaintext and therefore live in Secret. Used by actors/; pure, any thread. Golden files: tests/unit/model/golden.
//
// Bytes: format:1 (=1), then the value. Numbers are varints (LEB128, times zigzag); text stands behind its length; lists
// and maps behind their count; an optional behind a presence byte; a variant behind the number of its alternative. A
// struct is length:4 (little-endian) and its fields in the order of request_fields.hpp: a reader takes what an older
// program did not write as its default and leaves out what a newer one added behind.

#include "model/requests.hpp"

namespace coffer::model {

Secret encode_forwarded(const Request& request);
/// Errors: invalid_argument (another format, an operation that this program does not know, cut or malformed bytes).
Result<Request> decode_forwarded_request(std::string_view bytes);

Secret encode_forwarded(const Result<Reply>& reply);
/// The outer error says that the bytes are no reply: internal.
Result<Result<Reply>> decode_forwarded_reply(std::string_view bytes);

}  // namespace coffer::model
