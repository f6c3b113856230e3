#pragma once
// The fields of every request and reply, each once, for visitors that walk over them: the forwarding codec writes and
// reads by it what goes to the node that leads. A member that is added to one of these structs does not compile until
// it is named here. The order is that of the wire: a new member stands last in its struct and last here.
// Used by forward_codec.cpp only; any thread.

#include "model/cloudforet.hpp"
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

namespace coffer::model::query {

COFFER_FIELDS(Literal, kind, boolean, number, text, items, names)
COFFER_FIELDS(Condition, key, op, value)
COFFER_FIELDS(Filter, all, any)
COFFER_FIELDS(SortKey, key, descending)
COFFER_FIELDS(Unwind, path, filter)
COFFER_FIELDS(GroupKey, key, name, date_format)
COFFER_FIELDS(GroupField, key, name, aggregate, fields, conditions)
COFFER_FIELDS(Group, keys, fields)
COFFER_FIELDS(Count, name)
COFFER_FIELDS(Sort, keys)
COFFER_FIELDS(ProjectField, key, name, projector)
COFFER_FIELDS(Project, fields, exclude_keys)
COFFER_FIELDS(Limit, rows)
COFFER_FIELDS(Skip, rows)

}  // namespace coffer::model::query

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
COFFER_FIELDS(AuditSettings, strict, clear_names, version, changed_at, changed_by)
COFFER_FIELDS(DoorName, door, external_id)
COFFER_FIELDS(TenantRef, name, door, create_at_first_use)
COFFER_FIELDS(CloudforetClaims, owner, user, role, workspace, projects, permissions)
COFFER_FIELDS(Credential, kind, tenant, token_hash, door, token, is_certificate, principal, roles, issuer,
              issuer_version, of_node, expires_at, cloudforet)
COFFER_FIELDS(CallInfo, door, request_id, address, deadline, as_admin, trace)
COFFER_FIELDS(Revision, epoch, counter)
COFFER_FIELDS(Error, code, retry_after_s, detail)
COFFER_FIELDS(TokenInfo, id, description, created_by, scopes, created_at, expires_at, revoked_at, addresses, renewable,
              ttl, max_expires_at)
COFFER_FIELDS(TenantInfo, id, name, group, state, doors, created_at, deleted_at, purge_at, purged_at, moves, moving_to,
              moved_from, former_groups)
COFFER_FIELDS(KeyVersionInfo, version, created_at, current, retired_at)
COFFER_FIELDS(KeyUse, group, oldest, left, looked)
COFFER_FIELDS(SealInfo, name, kind, created_at, threshold, shares, set_id, detail)
COFFER_FIELDS(NodeInfo, id, address, state, newest_format, certificate_serial, certificate_expires_at, joined_at)
COFFER_FIELDS(ReplicaInfo, node, role, match)
COFFER_FIELDS(GroupLoad, requests, writes)
COFFER_FIELDS(GroupInfo, id, leader, term, commit, replicas, load)
COFFER_FIELDS(ClusterStatusReply::Node, info, connected, silent_ms, leads, replicas)
COFFER_FIELDS(SetQuota::Change, limit, value)
COFFER_FIELDS(OperatorInfo, id, name, capabilities, created_at, expires_at, created_by)

// ---- requests to a tenant
COFFER_FIELDS(Put, space, name, payload, cas, create_only, tags, description, expires_at, attributes, caller_owns,
              must_exist, write_only, read_only)
COFFER_FIELDS(Get, space, name, version, with_payload, inject)
COFFER_FIELDS(UpdateMetadata, space, name, set_tags, remove_tags, description, expires_at, max_versions, cas)
COFFER_FIELDS(Delete, space, name, versions, cas, only_if_attribute, missing_is_ok)
COFFER_FIELDS(Undelete, space, name, versions)
COFFER_FIELDS(Destroy, space, name, versions, must_exist, only_if_attribute)
COFFER_FIELDS(History, space, name)
COFFER_FIELDS(List, space, prefix, tags, attribute, after, limit, with_payload, byte_limit)
COFFER_FIELDS(RenderNote, item, invalid, owner, details)
COFFER_FIELDS(BatchGet, items, acting_for, notes)
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
COFFER_FIELDS(Watch, from, space, prefix, wait_ms, limit)
COFFER_FIELDS(TendTenant, what, rows)
COFFER_FIELDS(GetAudit, space, name)
COFFER_FIELDS(SetAudit, strict, clear_names)
COFFER_FIELDS(FenceTenant, number, to, trace, since, after)
COFFER_FIELDS(ReadMoving, number, after, bytes, live, changed, trace, since)
COFFER_FIELDS(Restriction, attribute, values, or_absent)
COFFER_FIELDS(ChangeDocument::ListChange, attribute, item, adds)
COFFER_FIELDS(ChangeDocument, kind, action, space, name, payload, attributes, where, unique, reference, reference_space,
              list)
COFFER_FIELDS(ReadDocument, action, space, name, where, with_payload, linked, linked_space)
COFFER_FIELDS(Query, action, space, filter, where, sort, skip, limit, count_only, stages, distinct, byte_limit)

// ---- requests to the directory
COFFER_FIELDS(CreateTenant, name, doors, with_owner_key, existing_is_ok)
COFFER_FIELDS(GetTenant, name)
COFFER_FIELDS(ListTenants, prefix, after, limit, show_deleted, only_deleted)
COFFER_FIELDS(DeleteTenant, name, door, purge, recovery_ms)
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
COFFER_FIELDS(UndeleteTenant, id, name)
COFFER_FIELDS(PurgeTenant, id, done, deleted_at)
COFFER_FIELDS(ChangeKeys, action, expected, rows)
COFFER_FIELDS(AddOperator, name, token_hash, revoke_others)
COFFER_FIELDS(AdoptTenant, record)
COFFER_FIELDS(CreateOperator, name, capabilities, expires_at)
COFFER_NO_FIELDS(ListOperators)
COFFER_FIELDS(RevokeOperator, id)
COFFER_FIELDS(MoveTenant, name, to)
COFFER_FIELDS(AdvanceMove, id, number, stage)
COFFER_FIELDS(PauseMoves, ms)
COFFER_FIELDS(AddGroups, count, expected)
COFFER_FIELDS(TendKeys, node, newest_key, groups, tenants_done, rows_done, paused, rows_per_second, reseal_rows,
              retire_after)

// ---- requests to the keeper of a node; they are not forwarded
COFFER_NO_FIELDS(GetSeals)
COFFER_FIELDS(Unseal, share, passphrase)
COFFER_NO_FIELDS(SealNode)
COFFER_FIELDS(AddSeal, name, kind, passphrase, threshold, shares, key_file, replace)
COFFER_FIELDS(VerifyShare, share)
COFFER_FIELDS(RemoveSeal, name)
COFFER_FIELDS(RegenerateToken, share, passphrase, revoke_others)
COFFER_FIELDS(GetKeys, tenant)
COFFER_FIELDS(RotateKeys, level, tenant)
COFFER_FIELDS(SetReseal, paused, rows_per_second)
COFFER_FIELDS(StartBackup, tenants)
COFFER_FIELDS(ExportTenant, tenant, passphrase, receiving_key, to_owner)
COFFER_FIELDS(ReadBackup, id, sequence)
COFFER_FIELDS(ImportTenant, name, passphrase, private_key)
COFFER_FIELDS(WriteImport, id, sequence, data)
COFFER_FIELDS(FinishImport, id)

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
COFFER_FIELDS(WatchedChange, revision, type, space, name, version, time_ms)
COFFER_FIELDS(WatchReply, changes, next_revision)
COFFER_FIELDS(QueryReply, entries, total, rows)
COFFER_FIELDS(AuditReply, settings, entry_hash)
COFFER_FIELDS(OperatorReply, info, token)
COFFER_FIELDS(OperatorsReply, operators)
COFFER_FIELDS(MovingReply, rows, more, trace, gone, since, after)
COFFER_FIELDS(TenantReply, tenant, owner_private_key, created)
COFFER_FIELDS(TenantsReply, tenants, more)
COFFER_FIELDS(ClusterStatusReply, cluster_id, self, meta_leader, active_format, data_groups, nodes, groups, plan)
COFFER_FIELDS(JoinTokenReply, token, expires_at)
COFFER_FIELDS(JoinReply, node, cluster_id, data_groups, certificate, ca, nodes)
COFFER_FIELDS(NodeReply, node)
COFFER_NO_FIELDS(DoneReply)
COFFER_FIELDS(TenantKeysReply, data_keys, cluster_key, seals, seal_limit, rows, more)
COFFER_FIELDS(SealReply, sealed, cluster_id, reason, seals, given, needed, seal, share_texts, token)
COFFER_FIELDS(KeysReply, root_version, root_created_at, cluster_keys, paused, rows_per_second, tenants_left,
              tenants_done, rows_done, working_on, tenant, tenant_keys, retirable, waits_for, more)
COFFER_FIELDS(StreamReply, id, sequence, tenants, data, last, name, entries)

COFFER_FIELDS(Request, tenant, credential, info, operation)
COFFER_FIELDS(Reply, revision, body)

}  // namespace coffer::model

#undef COFFER_FIELDS
#undef COFFER_NO_FIELDS
