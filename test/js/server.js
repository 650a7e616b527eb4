// Runs a server for the tests: the program that TRIBUTARY_PROGRAM names, or one that
// is built here.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const root = path.resolve(import.meta.dirname, "..", "..");

// start returns the endpoint of a development server with these further flags, its
// data directory, and stop, which ends it and removes what it wrote.
export async function start(...flags) {
  const directory = mkdtempSync(path.join(tmpdir(), "tributary-js-"));
  let program = process.env.TRIBUTARY_PROGRAM;
  if (!program) {
    program = path.join(directory, "tributary");
    execFileSync("go", ["build", "-o", program, "./cmd/tributary"], { cwd: root, stdio: "inherit" });
  }
  const data = path.join(directory, "data");
  const server = spawn(program, ["serve", "--dev", "--listen", "127.0.0.1:0", "--data", data, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  let endpoint;
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.startsWith("ready ")) {
      endpoint = line.slice("ready ".length);
      break;
    }
  }
  const stop = async () => {
    server.kill("SIGTERM");
    await exited;
    rmSync(directory, { recursive: true });
  };
  if (!endpoint) {
    await stop();
    throw new Error("the server ended before it was ready");
  }
  return { endpoint, data, stop };
}
