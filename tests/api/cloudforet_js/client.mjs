// The life of every resource by Node's gRPC client from this repository's protos, as Cloudforet's own gateways load them.
// Arguments: root of the protos, generation, address, token, system token, domain. Prints one JSON object.

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [protos, generation, address, token, systemToken, domain] = process.argv.slice(2);
const includeDirs = [`${protos}/cloudforet/${generation}`, `${protos}/cloudforet/common`, `${protos}/google`];
const files = ["secret", "trusted_secret", "user_secret", ...(generation === "1.12" ? ["secret_group"] : [])];
const definition = loader.loadSync(files.map((f) => `spaceone/api/secret/v1/${f}.proto`),
  { keepCase: true, enums: String, longs: String, defaults: false, includeDirs });
const api = grpc.loadPackageDefinition(definition).spaceone.api;

const toStruct = (object) => ({ fields: Object.fromEntries(Object.entries(object).map(([k, v]) => [k, { stringValue: v }])) });
const fromStruct = (struct) => Object.fromEntries(Object.entries(struct?.fields ?? {}).map(([k, v]) => [k, v.stringValue]));

function client(Service, as = token) {
  const stub = new Service(address, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set("token", as);
  return (verb, request) => new Promise((resolve, reject) =>
    stub[verb](request, metadata, { deadline: Date.now() + 20000 }, (error, answer) => (error ? reject(error) : resolve(answer))));
}
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return { code: error.code, details: error.details };
  }
  throw new Error("it did not fail");
}

const older = generation === "1.12";
const where = older ? { domain_id: domain } : {};
const own = older ? { secret_type: "CREDENTIALS" } : { resource_group: "DOMAIN" };
const out = {};

async function life(name, Service, id, extra) {
  const call = client(Service), system = client(Service, systemToken);
  const made = await call("create", { name: `js-${name}`, data: toStruct({ k: "v" }), tags: toStruct({ a: "b" }), ...where, ...extra });
  const key = { [id]: made[id], ...where };
  const got = await call("get", key);
  const changed = await call("update", { ...key, name: `js-${name}-2` });
  if (name !== "group") await call("update_data", { ...key, data: toStruct({ k: "v2" }) });
  const found = await call("list", { ...where, query: { filter: [{ k: "name", v: { stringValue: `js-${name}-2` }, o: "eq" }] } });
  const stat = await call("stat", { ...where, query: { distinct: "name" } });
  const data = name === "secret" || name === "user" ? fromStruct((await system("get_data", { [id]: made[id], domain_id: domain })).data) : null;
  await call("delete", key);
  out[name] = { name: got.name, tags: fromStruct(got.tags), changed: changed.name, total: found.total_count, first: found.results[0].name,
    stat: stat.fields.results.listValue.values.map((v) => v.stringValue), data, gone: (await failure(call("get", key))).code };
}

await life("secret", api.secret.v1.Secret, "secret_id", own);
await life("trusted", api.secret.v1.TrustedSecret, "trusted_secret_id", older ? {} : own);
if (older) await life("group", api.secret.v1.SecretGroup, "secret_group_id", { data: undefined });
await life("user", api.user_secret.v1.UserSecret, "user_secret_id", {});
out.refused = await failure(client(api.secret.v1.Secret)("create", { data: toStruct({}), ...own, ...where }));
console.log(JSON.stringify(out));
process.exit(0);
