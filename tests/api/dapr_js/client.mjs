// What Dapr's official JavaScript client sees of a server, as one JSON object on stdout. Started by test_dapr_js.py:
//   node client.mjs HTTP|GRPC HOST PORT TOKEN
import { CommunicationProtocolEnum, DaprClient } from "@dapr/dapr";

const [protocol, daprHost, daprPort, daprApiToken] = process.argv.slice(2);
const client = new DaprClient({
  daprHost,
  daprPort,
  daprApiToken: daprApiToken || undefined,
  communicationProtocol: CommunicationProtocolEnum[protocol],
  logger: { level: "error" },
});

/** What a call resolved to, or the text of its failure. */
async function outcome(call) {
  try {
    return { ok: await call() };
  } catch (error) {
    return { error: String(error.message ?? error), code: error.code };
  }
}

const answers = {
  single: await outcome(() => client.secret.get("single", "open")),
  multi: await outcome(() => client.secret.get("multi", "map")),
  version: await outcome(() => client.secret.get("single", "open", "metadata.version_id=1")),
  encoded: await outcome(() => client.secret.get("single", "slash%2Fed")),
  missing: await outcome(() => client.secret.get("single", "missing")),
  noStore: await outcome(() => client.secret.get("nope", "x")),
  denied: await outcome(() => client.secret.get("deny-all", "open")),
  bulk: await outcome(() => client.secret.getBulk("multi")),
};
process.stdout.write(JSON.stringify(answers));
await client.stop();
