// See openapi.hpp. The document's operations; openapi_schemas.cpp has its schemas. The tests hold every answer of the door's
// suite against it, and requests that are generated from it against the door.

#include "net/tapis/openapi.hpp"

#include <string>

namespace coffer::net::tapis {
namespace {

constexpr std::string_view kOperations =
    R"json({
 "openapi": "3.1.0",
 "info": {
  "title": "Coffer: Tapis Pods secrets",
  "version": "26Q1.1",
  "description": "What this server does under /pods and, the same, under /v3/pods. A GET may be a HEAD. Query parameters that are not named)json"
    R"json( here are ignored, except by delete_pod_secrets; of a header that comes twice the first one counts, of a member that a JSON object)json"
    R"json( has twice the last. Slashes that follow each other behind /pods are one. A body has at most limits.body_bytes (4 MiB, where the server's)json"
    R"json( configuration says nothing else) and nests at most 16 deep; its Content-Type is application/json or application/*+json, or is)json"
    R"json( absent. Texts are UTF-8, and where a limit says bytes it counts them so."},
 "servers": [{"url": "/"}, {"url": "/v3"}],
 "security": [{"TapisToken": []}, {"Bearer": []}, {"Certificate": []}],
 "paths": {
  "/pods/secrets": {
   "parameters": [
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"},
    {"$ref": "#/components/parameters/request"},
    {"$ref": "#/components/parameters/trace"}],
   "get": {
    "operationId": "list_secrets",
    "summary": "Secrets that the caller has READ on, without values.",
    "tags": ["Secrets"],
    "responses": {
     "200": {"$ref": "#/components/responses/SecretsResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "default": {"$ref": "#/components/responses/default"}}},
   "post": {
    "operationId": "create_secret",
    "summary": "Makes a secret of the caller's own.",
    "tags": ["Secrets"],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewSecret"}}}},
    "responses": {
     "200": {"$ref": "#/components/responses/SecretResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "409": {"$ref": "#/components/responses/409"},
     "default": {"$ref": "#/components/responses/default"}},
    "description": "secret_id is unique in the tenant, whoever owns the secret of that name: else 409."},
   "delete": {
    "operationId": "delete_pod_secrets",
    "summary": "Destroys the caller's secrets of a pod.",
    "tags": ["Secrets"],
    "parameters": [{"$ref": "#/components/parameters/pod_id"}],
    "responses": {
     "200": {"$ref": "#/components/responses/SecretIdsResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "default": {"$ref": "#/components/responses/default"}},
    "description": "All that the caller owns, with X-Pods-Admin all there are, at most 1000 in one call. One write: all go, or none does."}},
  "/pods/secrets/render": {
   "parameters": [
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"},
    {"$ref": "#/components/parameters/request"},
    {"$ref": "#/components/parameters/trace"}],
   "post": {
    "operationId": "render_secrets",
    "summary": "Resolves a pod's secret_map, environment and files. Mode inject needs the capability inject.",
    "tags": ["Secrets"],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RenderRequest"}}}},
    "responses": {
     "200": {"$ref": "#/components/responses/RenderResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "default": {"$ref": "#/components/responses/default"}},
    "description": "Resolves the tokens that the Pods service documents, in one pass: what was put in is not looked at again. Only secrets)json"
    R"json( of the acting user are resolved. All rendered values together have at most 4194304 bytes: a short text may refer to a long value many times."}},
  "/pods/secrets/{secret_id}": {
   "parameters": [
    {"$ref": "#/components/parameters/secret_id"},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"},
    {"$ref": "#/components/parameters/request"},
    {"$ref": "#/components/parameters/trace"}],
   "get": {
    "operationId": "get_secret",
    "summary": "A secret's metadata. Needs READ.",
    "tags": ["Secrets"],
    "responses": {
     "200": {"$ref": "#/components/responses/SecretResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}},
   "put": {
    "operationId": "update_secret",
    "summary": "Changes value, description or both, or nothing. Needs USER; the value also writable.",
    "tags": ["Secrets"],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/UpdateSecret"}}}},
    "responses": {
     "200": {"$ref": "#/components/responses/SecretResponse"},
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
     "200": {"$ref": "#/components/responses/SecretDeleteResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}}},
  "/pods/secrets/{secret_id}/value": {
   "parameters": [
    {"$ref": "#/components/parameters/secret_id"},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"},
    {"$ref": "#/components/parameters/request"},
    {"$ref": "#/components/parameters/trace"}],
   "get": {
    "operationId": "get_secret_value",
    "summary": "A secret's value. Needs USER, and readable.",
    "tags": ["Secrets"],
    "responses": {
     "200": {"$ref": "#/components/responses/SecretValueResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}}},
  "/pods/secrets/{secret_id}/permissions": {
   "parameters": [
    {"$ref": "#/components/parameters/secret_id"},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"},
    {"$ref": "#/components/parameters/request"},
    {"$ref": "#/components/parameters/trace"}],
   "get": {
    "operationId": "get_secret_permissions",
    "summary": "Who may do what. Needs USER.",
    "tags": ["Secrets"],
    "responses": {
     "200": {"$ref": "#/components/responses/SecretPermissionsResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}}},
   "post": {
    "operationId": "set_secret_permission",
    "summary": "Gives a user a level. Needs ADMIN.",
    "tags": ["Secrets"],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SetPermission"}}}},
    "responses": {
     "200": {"$ref": "#/components/responses/SecretPermissionsResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}},
    "description": "The owner keeps ADMIN, whatever the list says. A secret has at most 64 permissions beside: else 400."}},
  "/pods/secrets/{secret_id}/permissions/{user}": {
   "parameters": [
    {"$ref": "#/components/parameters/secret_id"},
    {"$ref": "#/components/parameters/permitted"},
    {"$ref": "#/components/parameters/admin"},
    {"$ref": "#/components/parameters/tenant"},
    {"$ref": "#/components/parameters/user"},
    {"$ref": "#/components/parameters/request"},
    {"$ref": "#/components/parameters/trace"}],
   "delete": {
    "operationId": "delete_secret_permission",
    "summary": "Takes a user's level away. Needs ADMIN.",
    "tags": ["Secrets"],
    "responses": {
     "200": {"$ref": "#/components/responses/SecretPermissionsResponse"},
     "400": {"$ref": "#/components/responses/400"},
     "401": {"$ref": "#/components/responses/401"},
     "403": {"$ref": "#/components/responses/403"},
     "404": {"$ref": "#/components/responses/404"},
     "default": {"$ref": "#/components/responses/default"}},
    "description": "Also 200 when there was none."}},
  "/pods/openapi.json": {
   "get": {
    "operationId": "get_openapi",
    "summary": "This document.",
    "tags": ["Document"],
    "security": [],
    "responses": {
     "200": {
      "description": "OpenAPI 3.1.",
      "headers": {
       "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
       "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
      "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "info", "paths"]}}}},
     "default": {"$ref": "#/components/responses/default"}}}}},
 "components": {
  "securitySchemes": {
   "TapisToken": {"type": "apiKey", "in": "header", "name": "X-Tapis-Token", "description": "A JWT with the claims of Tapis: RS256, or what else the tenant's issuer allows."},
   "Bearer": {
    "type": "http",
    "scheme": "bearer",
    "description": "The same JWT, one of another issuer of the tenant, or a token of Coffer. Not beside another X-Tapis-Token."},
   "Certificate": {"type": "mutualTLS", "description": "A client certificate that the tenant's or the server's rules know."}},
  "headers": {
   "Cache-Control": {"required": true, "schema": {"const": "no-store"}},
   "X-Request-Id": {
    "required": true,
    "description": "The caller's own, or one that the server made.",
    "schema": {"type": "string", "pattern": "^[\\u0021-\\u007e]{1,128}$"}},
   "Allow": {"schema": {"type": "string"}},
   "Retry-After": {"schema": {"type": "integer", "minimum": 0}}},
  "parameters": {
   "secret_id": {
    "name": "secret_id",
    "in": "path",
    "required": true,
    "description": "At most 512 bytes: the native API may have made secrets in the space tapis whose names create_secret does not take.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"}},
   "permitted": {"name": "user", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/User"}},
   "pod_id": {
    "name": "pod_id",
    "in": "query",
    "required": true,
    "description": "Once, and no other query parameter. At most 4096 bytes.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 4096}},
   "admin": {
    "name": "X-Pods-Admin",
    "in": "header",
    "required": false,
    "description": "true, True or TRUE: the role pods_admin counts. Anything else is as if it were absent.",
    "schema": {"type": "string"}},
   "tenant": {
    "name": "X-Tapis-Tenant",
    "in": "header",
    "required": false,
    "description": "With service tokens, whose tenant it must be, and with credentials that name no Tapis tenant. Refused with a user's)json"
    R"json( token. At most 256 bytes.",
    "schema": {"type": "string", "maxLength": 256}},
   "user": {
    "name": "X-Tapis-User",
    "in": "header",
    "required": false,
    "description": "With service tokens: for whom the service acts, which counts in render_secrets. Refused with a user's token.",
    "schema": {"type": "string"}},
   "request": {
    "name": "X-Request-Id",
    "in": "header",
    "required": false,
    "description": "Stands in the answer, the log and the audit trail.",
    "schema": {"type": "string", "maxLength": 128, "pattern": "^[\\u0021-\\u007e]*$"}},
   "trace": {
    "name": "traceparent",
    "in": "header",
    "required": false,
    "description": "W3C Trace Context, for the log and the audit trail. As if it were absent when it is none.",
    "schema": {"type": "string"}}},
  "responses": {
   "SecretsResponse": {
    "description": "The secrets, in the order of their names.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretsResponse"}}}},
   "SecretResponse": {
    "description": "The secret, without its value.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretResponse"}}}},
   "SecretIdsResponse": {
    "description": "The names of the secrets that are gone.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretIdsResponse"}}}},
   "RenderResponse": {
    "description": "What was resolved, and in metadata what was not.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RenderResponse"}}}},
   "SecretDeleteResponse": {
    "description": "The name of the secret that is gone.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretDeleteResponse"}}}},
   "SecretValueResponse": {
    "description": "The value.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretValueResponse"}}}},
   "SecretPermissionsResponse": {
    "description": "Who may do what now.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SecretPermissionsResponse"}}}},
   "400": {
    "description": "The request is malformed: then message is a list. With strict, what could not be resolved; with tapis.auth_status = 400)json"
    R"json( also: the credential is bad or does not suffice.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Invalid"}}}},
   "401": {
    "description": "The credential is missing or bad.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "403": {
    "description": "Not permitted, not with the secret's flags, or the token is another tenant's.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "404": {
    "description": "There is no such secret, or the tenant's external id leads nowhere.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "409": {
    "description": "A secret of this name exists.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}},
   "default": {
    "description": "Any other failure: 404 where a tenant is to be found first, 405 (Allow says what the path takes), 413 and 431 for what)json"
    R"json( is too large, 429 for quotas and addresses whose credentials do not hold, 5xx when the server cannot answer. Retry-After says in)json"
    R"json( how many seconds to come again.",
    "headers": {
     "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
     "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"},
     "Allow": {"$ref": "#/components/headers/Allow"},
     "Retry-After": {"$ref": "#/components/headers/Retry-After"}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}},)json";

}  // namespace

std::string_view openapi() {
  static const std::string document = std::string(kOperations).append(openapi_schemas());
  return document;
}

}  // namespace coffer::net::tapis
