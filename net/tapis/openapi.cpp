// See openapi.hpp. The tests hold every answer of the door's suite against it.

#include "net/tapis/openapi.hpp"

namespace coffer::net::tapis {
namespace {

constexpr std::string_view kDocument = R"json({
 "openapi": "3.1.0",
 "info": {"title": "Coffer: Tapis Pods secrets", "version": "26Q1.1"},
 "servers": [{"url": "/"}, {"url": "/v3"}],
 "security": [{"TapisToken": []}, {"Bearer": []}],
 "paths": {
  "/pods/secrets": {
   "parameters": [
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"}],
   "get": {
    "operationId": "list_secrets",
    "summary": "Secrets that the caller may see, without values.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretsResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "default": {"$ref": "#/components/responses/default"}}},
   "post": {
    "operationId": "create_secret",
    "summary": "Makes a secret of the caller's own.",
    "tags": ["Secrets"],
    "requestBody": {
     "required": true,
     "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewSecret"}}}},
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "409": {"$ref": "#/components/responses/409"},
     "default": {"$ref": "#/components/responses/default"}}},
   "delete": {
    "operationId": "delete_pod_secrets",
    "summary": "Destroys the caller's secrets of a pod.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretIdsResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "default": {"$ref": "#/components/responses/default"}},
    "parameters": [{"name": "pod_id", "in": "query", "required": true, "schema": {"type": "string", "minLength": 1}}]}},
  "/pods/secrets/render": {
   "parameters": [
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"}],
   "post": {
    "operationId": "render_secrets",
    "summary": "Resolves a pod's secret_map, environment and files. Mode inject needs the capability inject.",
    "tags": ["Secrets"],
    "requestBody": {
     "required": true,
     "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RenderRequest"}}}},
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RenderResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "default": {"$ref": "#/components/responses/default"}}}},
  "/pods/secrets/{secret_id}": {
   "parameters": [
    {"name": "secret_id", "in": "path", "required": true, "schema": {"type": "string"}},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"}],
   "get": {
    "operationId": "get_secret",
    "summary": "A secret's metadata. Needs READ.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}},
   "put": {
    "operationId": "update_secret",
    "summary": "Changes value, description or both. Needs USER.",
    "tags": ["Secrets"],
    "requestBody": {
     "required": true,
     "content": {"application/json": {"schema": {"$ref": "#/components/schemas/UpdateSecret"}}}},
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}},
   "delete": {
    "operationId": "delete_secret",
    "summary": "Destroys a secret with all its versions. Needs ADMIN.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretDeleteResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}}},
  "/pods/secrets/{secret_id}/value": {
   "parameters": [
    {"name": "secret_id", "in": "path", "required": true, "schema": {"type": "string"}},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"}],
   "get": {
    "operationId": "get_secret_value",
    "summary": "A secret's value. Needs USER.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretValueResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}}},
  "/pods/secrets/{secret_id}/permissions": {
   "parameters": [
    {"name": "secret_id", "in": "path", "required": true, "schema": {"type": "string"}},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"}],
   "get": {
    "operationId": "get_secret_permissions",
    "summary": "Who may do what. Needs USER.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretPermissionsResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}},
   "post": {
    "operationId": "set_secret_permission",
    "summary": "Gives a user a level. Needs ADMIN.",
    "tags": ["Secrets"],
    "requestBody": {
     "required": true,
     "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SetPermission"}}}},
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretPermissionsResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}}},
  "/pods/secrets/{secret_id}/permissions/{user}": {
   "parameters": [
    {"name": "secret_id", "in": "path", "required": true, "schema": {"type": "string"}},
    {"name": "user", "in": "path", "required": true, "schema": {"type": "string"}},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"}],
   "delete": {
    "operationId": "delete_secret_permission",
    "summary": "Takes a user's level away. Needs ADMIN.",
    "tags": ["Secrets"],
    "responses": {
     "200": {
      "description": "Success.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretPermissionsResponse"}}}},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}}}},
 "components": {
  "securitySchemes": {
   "TapisToken": {"type": "apiKey", "in": "header", "name": "X-Tapis-Token"},
   "Bearer": {"type": "http", "scheme": "bearer"}},
  "parameters": {
   "admin": {
    "name": "X-Pods-Admin",
    "in": "header",
    "required": false,
    "description": "\"true\": the role pods_admin counts.",
    "schema": {"type": "string"}},
   "tenant": {
    "name": "X-Tapis-Tenant",
    "in": "header",
    "required": false,
    "description": "Of service tokens, and of tokens that name no Tapis tenant.",
    "schema": {"type": "string"}},
   "user": {
    "name": "X-Tapis-User",
    "in": "header",
    "required": false,
    "description": "Of service tokens.",
    "schema": {"type": "string"}}},
  "responses": {
   "400": {
    "description": "The request is malformed; with tapis.auth_status = 400 also: the credential is bad or does not suffice.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Invalid"}}}},
   "401": {
    "description": "The credential is missing or bad.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "403": {
    "description": "Not permitted, or not with the secret's flags.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "404": {
    "description": "There is no such secret.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "409": {
    "description": "A secret of this name exists.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "default": {
    "description": "The server could not answer.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}},
  "schemas": {
   "NewSecret": {
    "type": "object",
    "additionalProperties": false,
    "required": ["secret_id", "secret_value"],
    "properties": {
     "secret_id": {"type": "string", "maxLength": 110, "pattern": "^[_-]*[A-Za-z0-9][A-Za-z0-9_-]*$"},
     "secret_value": {"type": "string"},
     "scope": {"enum": ["user", "pod"], "default": "user"},
     "pod_id": {"type": ["string", "null"], "default": null},
     "description": {"type": "string", "maxLength": 500, "pattern": "^[\\x00-\\x7f]*$", "default": ""},
     "readable": {"type": "boolean", "default": true},
     "writable": {"type": "boolean", "default": true}}},
   "UpdateSecret": {
    "type": "object",
    "additionalProperties": false,
    "required": [],
    "properties": {
     "description": {"type": ["string", "null"], "maxLength": 500, "pattern": "^[\\x00-\\x7f]*$"},
     "secret_value": {"type": ["string", "null"]}}},
   "SecretResponseModel": {
    "type": "object",
    "additionalProperties": false,
    "required": [
     "secret_id",
     "scope",
     "pod_id",
     "description",
     "readable",
     "writable",
     "sk_secret_name",
     "creation_ts",
     "added_by"],
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
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {"$ref": "#/components/schemas/SecretResponseModel"},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretsResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {"type": "array", "items": {"$ref": "#/components/schemas/SecretResponseModel"}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretValueResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": true},
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
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {"type": "string"},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SecretIdsResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {"type": "array", "items": {"type": "string"}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "SetPermission": {
    "type": "object",
    "additionalProperties": false,
    "required": ["user", "level"],
    "properties": {
     "user": {"type": "string", "minLength": 1, "maxLength": 264},
     "level": {"enum": ["READ", "USER", "ADMIN"]}}},
   "SecretPermissionsResponse": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"type": "string"},
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {
      "type": "object",
      "additionalProperties": false,
      "required": ["permissions"],
      "properties": {"permissions": {"type": "array", "items": {"type": "string"}}}},
     "status": {"const": "success"},
     "version": {"type": "string"}}},
   "RenderRequest": {
    "type": "object",
    "additionalProperties": false,
    "required": [],
    "properties": {
     "secret_map": {"type": "object", "additionalProperties": {"type": "string"}},
     "environment_variables": {"type": "object", "additionalProperties": true},
     "volume_mounts": {
      "type": "object",
      "additionalProperties": {"type": "object", "properties": {"config_content": {"type": ["string", "null"]}}}},
     "networking": {
      "type": "object",
      "additionalProperties": {
       "type": "object",
       "properties": {
        "url": {"type": ["string", "null"]}, "port": {"type": ["string", "integer", "null"]}, "protocol": {"type": ["string", "null"]}},
       "additionalProperties": true}},
     "stack_secrets": {"type": "object", "additionalProperties": {"type": "string"}},
     "pod_id": {"type": ["string", "null"]},
     "mode": {"enum": ["display", "inject"], "default": "display"},
     "strict": {"type": "boolean", "default": false}}},
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
    "required": [
     "has_unresolved",
     "secret_map_unresolved",
     "env_vars_unresolved",
     "config_unresolved",
     "syntax_warnings",
     "summary"],
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
    "properties": {
     "key": {"type": "string"},
     "patterns": {"type": "array", "items": {"$ref": "#/components/schemas/UnresolvedPattern"}}}},
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
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {"type": "null"},
     "status": {"const": "error"},
     "version": {"type": "string"}}},
   "Invalid": {
    "type": "object",
    "additionalProperties": false,
    "required": ["message", "metadata", "result", "status", "version"],
    "properties": {
     "message": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
     "metadata": {"type": "object", "additionalProperties": true},
     "result": {"type": "null"},
     "status": {"const": "error"},
     "version": {"type": "string"}}}}}})json";

}  // namespace

std::string_view openapi() { return kDocument; }

}  // namespace coffer::net::tapis
