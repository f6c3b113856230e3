#pragma once
// Requests and replies about operators' credentials: who may run the cluster, and which calls of the admin API each may
// make. Operations of the directory. Included by requests.hpp only, which puts them into its variants. Pure values.

#include <string>
#include <vector>

#include "model/entry.hpp"
#include "model/secret.hpp"

namespace coffer::model {

/// A token for one more operator. The reply shows it once; only a hash is stored.
struct CreateOperator {
  std::string name;
  std::vector<std::string> capabilities;  // see model/operators.hpp
  TimeMs expires_at = 0;                  // 0: never
};
struct ListOperators {};
struct RevokeOperator {
  std::string id;
};

struct OperatorInfo {
  std::string id, name;
  std::vector<std::string> capabilities;
  TimeMs created_at = 0, expires_at = 0;
  std::string created_by;
  friend bool operator==(const OperatorInfo&, const OperatorInfo&) = default;
};
struct OperatorReply {  // CreateOperator (with the token), RevokeOperator: as it was
  OperatorInfo info;
  Secret token;
};
struct OperatorsReply {
  std::vector<OperatorInfo> operators;  // by name
};

}  // namespace coffer::model
