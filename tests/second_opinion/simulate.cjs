// Asks another's simulation of IAM. Takes a list of its simulations as JSON on stdin, and prints a list of {result, by}: by are
// the Sids of the statements that allow it.
const { readFileSync } = require("node:fs");
const { runSimulation } = require("@cloud-copilot/iam-simulate");

async function answer(asked) {
  const none = { serviceControlPolicies: [], resourceControlPolicies: [] };
  const simulated = await runSimulation({ ...none, ...asked }, {});
  if (simulated.resultType === "error") {
    throw new Error(`${JSON.stringify(asked.request)}: ${JSON.stringify(simulated.errors)}`);
  }
  const results = simulated.results ?? [simulated.result];
  const by = results
    .flatMap(({ analysis }) => [analysis.identityAnalysis, analysis.resourceAnalysis])
    .flatMap((one) => one?.allowStatements ?? [])
    .map(({ explain }) => explain.identifier);
  return { result: simulated.overallResult, by };
}

Promise.all(JSON.parse(readFileSync(0, "utf8")).map(answer)).then((answers) =>
  process.stdout.write(JSON.stringify(answers)),
);
