// The end of the document of openapi.cpp: its schemas.

#include "net/tapis/openapi.hpp"

namespace coffer::net::tapis {
namespace {

constexpr std::string_view kSchemas = R"json(
  "schemas": {
   "SecretId": {"type": "string", "maxLength": 110, "pattern": "^[_-]*[A-Za-z0-9][A-Za-z0-9_-]*$"},
   "User": {
    "type": "string",
    "pattern": "^(?!TENANT$)(?:service:)?[^*:\\u0000-\\u001f\\u007f-\\u009f]{1,256}$",
    "description": "A username of this tenant, or service: and the name of a service. The name has at most 256 bytes. TENANT, upstream's word for everybody, is none."},
   "Flag": {
    "description": "A boolean, or what the Pods service takes for one, in any case.",
    "anyOf": [
     {"type": "boolean"},
     {"enum": [0, 1]},
     {
      "type": "string",
      "pattern": "^(?:[01]|[TtFfYyNn]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff])$"}]},
   "NewSecret": {
    "type": "object",
    "additionalProperties": false,
    "required": ["secret_id", "secret_value"],
    "properties": {
     "secret_id": {"$ref": "#/components/schemas/SecretId"},
     "secret_value": {"type": "string", "maxLength": 1048576, "description": "At most 1048576 bytes."},
     "scope": {"enum": ["user", "pod"], "default": "user"},
     "pod_id": {
      "type": ["string", "null"],
      "maxLength": 4096,
      "default": null,
      "description": "Required and not empty when scope is pod, else absent, null or empty. The pod need not exist. At most 4096 bytes."},
     "description": {"type": "string", "maxLength": 500, "pattern": "^[\\u0000-\\u007f]*$", "default": ""},
     "readable": {"$ref": "#/components/schemas/Flag", "default": true},
     "writable": {"$ref": "#/components/schemas/Flag", "default": true}},
    "if": {"required": ["scope"], "properties": {"scope": {"const": "pod"}}},
    "then": {"required": ["pod_id"], "properties": {"pod_id": {"type": "string", "minLength": 1}}},
    "else": {"properties": {"pod_id": {"maxLength": 0}}}},
   "UpdateSecret": {
    "type": "object",
    "additionalProperties": false,
    "description": "Null and absent leave a member as it is.",
    "properties": {
     "description": {"type": ["string", "null"], "maxLength": 500, "pattern": "^[\\u0000-\\u007f]*$"},
     "secret_value": {"type": ["string", "null"], "maxLength": 1048576, "description": "At most 1048576 bytes."}}},
   "SetPermission": {
    "type": "object",
    "additionalProperties": false,
    "required": ["user", "level"],
    "properties": {"user": {"$ref": "#/components/schemas/User"}, "level": {"enum": ["READ", "USER", "ADMIN"]}}},
   "RenderRequest": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
     "secret_map": {
      "type": ["object", "null"],
      "maxProperties": 500,
      "propertyNames": {"$ref": "#/components/schemas/SecretId"},
      "additionalProperties": {"type": "string"}},
     "environment_variables": {"type": ["object", "null"], "additionalProperties": true, "description": "Only strings are resolved."},
     "volume_mounts": {
      "type": ["object", "null"],
      "additionalProperties": {
       "type": "object",
       "properties": {"config_content": {"type": ["string", "null"], "maxLength": 1048576, "description": "At most 1048576 bytes."}},
       "additionalProperties": true}},
     "networking": {
      "type": ["object", "null"],
      "additionalProperties": {
       "type": "object",
       "properties": {
        "url": {"type": ["string", "null"]},
        "port": {"type": ["string", "integer", "null"], "minimum": 0, "maximum": 65535},
        "protocol": {"type": ["string", "null"]}},
       "additionalProperties": true}},
     "stack_secrets": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
     "pod_id": {"type": ["string", "null"]},
     "mode": {"enum": ["display", "inject"], "default": "display"},
     "strict": {"type": "boolean", "default": false, "description": "What is not resolved is 400."}}},
   "SecretResponseModel": {
    "type": "object",
    "additionalProperties": false,
    "required": ["secret_id", "scope", "pod_id", "description", "readable", "writable", "sk_secret_name", "creation_ts", "added_by"],
    "properties": {
     "secret_id": {"type": "string"},
     "scope": {"enum": ["user", "pod"]},
     "pod_id": {"type": ["string", "null"]},
     "description": {"type": "string"},
     "readable": {"type": "boolean"},
     "writable": {"type": "boolean"},
     "sk_secret_name": {"type": "string"},
     "creation_ts": {"type": "string", "format": "date-time"},
     "added_by": {"type": "string"}}},
   "SecretResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {"$ref": "#/components/schemas/SecretResponseModel"},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretsResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {
      "type": "object",
      "additionalProperties": false,
      "description": "With X-Pods-Admin, admin_context.",
      "properties": {
       "admin_context": {
        "type": "object",
        "additionalProperties": false,
        "required": ["admin_mode", "user_accessible_ids", "msg"],
        "properties": {
         "admin_mode": {"const": true},
         "user_accessible_ids": {"type": "array", "items": {"type": "string"}},
         "msg": {"type": "string"}}}}},
     "result": {"type": "array", "items": {"$ref": "#/components/schemas/SecretResponseModel"}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretValueResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {
      "type": "object",
      "additionalProperties": false,
      "required": ["secret_value"],
      "properties": {"secret_value": {"type": "string"}}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretDeleteResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {"type": "string"},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretIdsResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {"type": "array", "items": {"type": "string"}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretPermissionsResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {
      "type": "object",
      "additionalProperties": false,
      "required": ["permissions"],
      "properties": {"permissions": {"type": "array", "items": {"type": "string", "pattern": ":(?:READ|USER|ADMIN)$"}}}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "RenderResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {
      "type": "object",
      "additionalProperties": false,
      "required": ["secrets_resolved", "errors", "unresolved_patterns"],
      "properties": {
       "secrets_resolved": {"type": "boolean"},
       "errors": {"type": "array", "items": {"type": "string"}},
       "unresolved_patterns": {"$ref": "#/components/schemas/UnresolvedPatterns"}}},
     "result": {
      "type": "object",
      "additionalProperties": false,
      "required": ["secret_map", "environment_variables", "volume_mounts"],
      "properties": {
       "secret_map": {"type": "object", "additionalProperties": {"type": "string"}},
       "environment_variables": {"type": "object", "additionalProperties": true},
       "volume_mounts": {
        "type": "object",
        "additionalProperties": {
         "type": "object",
         "additionalProperties": false,
         "required": ["config_content"],
         "properties": {"config_content": {"type": "string"}}}}}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "UnresolvedPatterns": {
    "type": "object",
    "additionalProperties": false,
    "required": ["has_unresolved", "secret_map_unresolved", "env_vars_unresolved", "config_unresolved", "syntax_warnings", "summary"],
    "properties": {
     "has_unresolved": {"type": "boolean"},
     "secret_map_unresolved": {"type": "array", "items": {"$ref": "#/components/schemas/UnresolvedPlace"}},
     "env_vars_unresolved": {"type": "array", "items": {"$ref": "#/components/schemas/UnresolvedPlace"}},
     "config_unresolved": {"type": "array", "items": {"$ref": "#/components/schemas/UnresolvedFile"}},
     "syntax_warnings": {
      "type": "array",
      "items": {
       "type": "object",
       "additionalProperties": false,
       "required": ["location", "issue", "found", "suggestion", "explanation"],
       "properties": {
        "location": {"type": "string"},
        "issue": {"type": "string"},
        "found": {"type": "string"},
        "suggestion": {"type": "string"},
        "explanation": {"type": "string"}}}},
     "summary": {"type": "string"}}},
   "UnresolvedPlace": {
    "type": "object",
    "additionalProperties": false,
    "required": ["key", "patterns"],
    "properties": {"key": {"type": "string"}, "patterns": {"type": "array", "items": {"$ref": "#/components/schemas/UnresolvedPattern"}}}},
   "UnresolvedFile": {
    "type": "object",
    "additionalProperties": false,
    "required": ["index", "patterns"],
    "properties": {
     "index": {"type": "integer"},
     "patterns": {"type": "array", "items": {"$ref": "#/components/schemas/UnresolvedPattern"}}}},
   "UnresolvedPattern": {
    "type": "object",
    "additionalProperties": false,
    "required": ["pattern", "type"],
    "properties": {
     "pattern": {"type": "string"},
     "type": {
      "enum": [
       "user_secret",
       "required_placeholder",
       "default_placeholder",
       "random_password",
       "networking_reference",
       "pod_url",
       "tapis_url",
       "pod_id",
       "stack_secret",
       "secret_map_reference",
       "unknown"]}}},
   "Failure": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {"type": "null"},
     "status": {"const": "error"},
     "version": {"type": "string"}}},
   "Invalid": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
     "metadata": {"type": "object", "additionalProperties": false},
     "result": {"type": "null"},
     "status": {"const": "error"},
     "version": {"type": "string"}}}}}})json";

}  // namespace

std::string_view openapi_schemas() { return kSchemas; }

}  // namespace coffer::net::tapis
