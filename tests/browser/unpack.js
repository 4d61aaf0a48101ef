// Unpacks the Chromium of @sparticuz/chromium, with its libraries and fonts, into the folder that
// TMPDIR names. There is one for Linux on x86_64; elsewhere tests use the Chrome that is installed.
import process from "node:process";

if (process.platform === "linux" && process.arch === "x64") {
  process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs22.x"; // the libraries as well, please
  const { default: chromium } = await import("@sparticuz/chromium");
  await chromium.executablePath();
}
