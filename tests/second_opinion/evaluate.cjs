// Evaluates JSONata by the reference implementation. Takes a list of {source, variables} as JSON on stdin, and prints a list
// of {value}, {error}, or {} for an expression without a value.
const { readFileSync } = require("node:fs");
const jsonata = require("jsonata");

async function answer({ source, variables }) {
  try {
    const expression = jsonata(source);
    // What Step Functions adds to the language, and what it leaves out.
    expression.registerFunction("parse", (text) => JSON.parse(text));
    expression.registerFunction("eval", () => {
      throw new Error("Step Functions has no $eval");
    });
    return { value: await expression.evaluate(undefined, variables) };
  } catch (error) {
    return { error: `${error.code ?? error.name}: ${error.message}` };
  }
}

Promise.all(JSON.parse(readFileSync(0, "utf8")).map(answer)).then((answers) =>
  process.stdout.write(JSON.stringify(answers)),
);
