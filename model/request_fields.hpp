#pragma once
// The fields of every request and reply, each once, for visitors that walk over them: the forwarding codec writes and
// reads by it what goes to the node that leads. A member that is added to one of these structs does not compile until
// it is named here. The order is that of the wire: a new member stands last in its struct and last here.
// Used by forward_codec.cpp only; any thread.

#include "model/requests.hpp"

// Two overloads per type: the structured binding names every member, or the compiler refuses it.
#define COFFER_FIELDS(Type, ...)                              \
  template <class Visitor>                                    \
  void visit_fields(Visitor& visitor_, Type& object_) {       \
    auto& [__VA_ARGS__] = object_;                            \
    visitor_(__VA_ARGS__);                                    \
  }                                                           \
  template <class Visitor>                                    \
  void visit_fields(Visitor& visitor_, const Type& object_) { \
    const auto& [__VA_ARGS__] = object_;                      \
    visitor_(__VA_ARGS__);                                    \
  }
#define COFFER_NO_FIELDS(Type)                        \
  template <class Visitor>                            \
  void visit_fields(Visitor& visitor_, const Type&) { \
    visitor_();                                       \
  }

namespace coffer::model {

// ---- parts
COFFER_FIELDS(Payload, kind, content, map)
COFFER_FIELDS(Version, number, state, created_at, created_by, deleted_at, payload_bytes)
COFFER_FIELDS(Permission, subject, level)
COFFER_FIELDS(Entry, space, name, description, owner, tags, attributes, created_at, updated_at, created_by, expires_at,
              max_versions, last_version, versions, write_only, read_only, permissions)
COFFER_FIELDS(Scope, capabilities, spaces, names)
COFFER_FIELDS(Period, not_before, expires_at)
COFFER_FIELDS(Grant, effect, capabilities, spaces, names, period)
COFFER_FIELDS(Role, name, description, grants)
COFFER_FIELDS(Binding, role, subjects, period)
COFFER_FIELDS(PolicySet, version, roles, bindings, changed_at, changed_by)
COFFER_FIELDS(ClaimMapping, tenant, principal, roles, kind, service)
COFFER_FIELDS(Issuer, name, iss, public_keys, jwks, jwks_url, jwks_ca, audiences, algorithms, clock_skew_s, mapping,
              claims, version, changed_at, changed_by)
COFFER_FIELDS(CertificateRule, name, san, principal, roles, version, changed_at, changed_by)
COFFER_FIELDS(Quota, values, version, changed_at, changed_by)
COFFER_FIELDS(QuotaLimits, values)
COFFER_FIELDS(DoorName, door, external_id)
COFFER_FIELDS(TenantRef, name, door, create_at_first_use)
COFFER_FIELDS(Credential, kind, tenant, token_hash, door, token, is_certificate, principal, roles, issuer,
              issuer_version, of_node, expires_at)
COFFER_FIELDS(CallInfo, door, request_id, address, deadline, as_admin)
COFFER_FIELDS(Revision, epoch, counter)
COFFER_FIELDS(Error, code, retry_after_s, detail)
COFFER_FIELDS(TokenInfo, id, description, created_by, scopes, created_at, expires_at, revoked_at, addresses, renewable,
              ttl, max_expires_at)
COFFER_FIELDS(TenantInfo, id, name, group, state, doors, created_at, deleted_at)
COFFER_FIELDS(NodeInfo, id, address, state, newest_format, certificate_serial, certificate_expires_at, joined_at)
COFFER_FIELDS(ReplicaInfo, node, role, match)
COFFER_FIELDS(GroupInfo, id, leader, term, commit, replicas)
COFFER_FIELDS(ClusterStatusReply::Node, info, connected, silent_ms, leads, replicas)
COFFER_FIELDS(SetQuota::Change, limit, value)

// ---- requests to a tenant
COFFER_FIELDS(Put, space, name, payload, cas, create_only, tags, description, expires_at, attributes, caller_owns,
              must_exist, write_only, read_only)
COFFER_FIELDS(Get, space, name, version, with_payload, inject)
COFFER_FIELDS(UpdateMetadata, space, name, set_tags, remove_tags, description, expires_at, max_versions, cas)
COFFER_FIELDS(Delete, space, name, versions, cas, only_if_attribute, missing_is_ok)
COFFER_FIELDS(Undelete, space, name, versions)
COFFER_FIELDS(Destroy, space, name, versions, must_exist)
COFFER_FIELDS(History, space, name)
COFFER_FIELDS(List, space, prefix, tags, attribute, after, limit, with_payload, byte_limit)
COFFER_FIELDS(BatchGet, items)
COFFER_FIELDS(Check, space, name, version)
COFFER_FIELDS(Transact, operations)
COFFER_FIELDS(SetPermission, space, name, subject, level)
COFFER_FIELDS(CreateToken, description, scopes, expires_at, addresses, renewable, max_ttl)
COFFER_NO_FIELDS(ListTokens)
COFFER_FIELDS(RevokeToken, id)
COFFER_NO_FIELDS(LookupSelf)
COFFER_FIELDS(RenewSelf, ttl)
COFFER_NO_FIELDS(RevokeSelf)
COFFER_NO_FIELDS(GetPolicy)
COFFER_FIELDS(ApplyPolicy, policy, expected, dry_run)
COFFER_FIELDS(PutIssuer, issuer)
COFFER_FIELDS(DeleteIssuer, name)
COFFER_NO_FIELDS(ListIssuers)
COFFER_FIELDS(PutCertificateRule, rule)
COFFER_FIELDS(DeleteCertificateRule, name)
COFFER_NO_FIELDS(ListCertificateRules)
COFFER_NO_FIELDS(GetQuota)
COFFER_FIELDS(SetQuota, changes)

// ---- requests to the directory
COFFER_FIELDS(CreateTenant, name, doors, with_owner_key, existing_is_ok)
COFFER_FIELDS(GetTenant, name)
COFFER_FIELDS(ListTenants, prefix, after, limit, show_deleted)
COFFER_FIELDS(DeleteTenant, name, door)
COFFER_FIELDS(OpenDoor, name, door)
COFFER_NO_FIELDS(GetClusterStatus)
COFFER_FIELDS(CreateJoinToken, ttl)
COFFER_FIELDS(JoinNode, token_id, secret, address, certificate_request, newest_format)
COFFER_FIELDS(RenewNodeCertificate, node, certificate_request)
COFFER_FIELDS(AnnounceNode, node, address, newest_format)
COFFER_FIELDS(DrainNode, node, undo)
COFFER_FIELDS(RemoveNode, node, force)
COFFER_NO_FIELDS(BalanceCluster)
COFFER_FIELDS(TransferLeadership, group, to)

// ---- replies
COFFER_FIELDS(EntryReply, entry, version, payload)
COFFER_FIELDS(DeleteReply, count, entry)
COFFER_FIELDS(HistoryReply, versions)
COFFER_FIELDS(ListReply, entries, more)
COFFER_FIELDS(BatchGetReply, results)
COFFER_FIELDS(TransactReply, versions)
COFFER_FIELDS(TokenReply, token, secret)
COFFER_FIELDS(TokensReply, tokens)
COFFER_FIELDS(IssuerReply, issuer)
COFFER_FIELDS(IssuersReply, issuers)
COFFER_FIELDS(CertificateRuleReply, rule)
COFFER_FIELDS(CertificateRulesReply, rules)
COFFER_FIELDS(PolicyReply, policy, difference)
COFFER_FIELDS(QuotaReply, own, limits, entries, bytes)
COFFER_FIELDS(TenantReply, tenant, owner_private_key, created)
COFFER_FIELDS(TenantsReply, tenants, more)
COFFER_FIELDS(ClusterStatusReply, cluster_id, self, meta_leader, active_format, data_groups, nodes, groups, plan)
COFFER_FIELDS(JoinTokenReply, token, expires_at)
COFFER_FIELDS(JoinReply, node, cluster_id, data_groups, certificate, ca, nodes)
COFFER_FIELDS(NodeReply, node)
COFFER_NO_FIELDS(DoneReply)

COFFER_FIELDS(Request, tenant, credential, info, operation)
COFFER_FIELDS(Reply, revision, body)

}  // namespace coffer::model

#undef COFFER_FIELDS
#undef COFFER_NO_FIELDS
