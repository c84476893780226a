/** Who of our programs answers, and whose file is removed: asked by `sallyport ctl`, and by the invitation that is clicked. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeTokenFile } from '../../src/app/index.ts';
import { programs } from '../../src/cli/testing.ts';

let stateDir = '';
const servers: Server[] = [];

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'programs-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  rmSync(stateDir, { recursive: true });
});

/** A program that says so of itself, and what really answers at its port. */
async function program(pid: number, answer: RequestListener): Promise<() => boolean> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeTokenFile(stateDir, { v: 1, url, token: 'x'.repeat(22), pid, program: 'app', name: '', startedAt: pid });
  return () => existsSync(join(stateDir, 'control', `${pid}.json`));
}

test('a program that is slow keeps its file and is not waited for without end; a stranger at its port costs the file', async () => {
  const state = { version: 'test' };
  const slow = await program(process.pid, () => {});
  const well = await program(process.ppid, (_request, response) => response.end(JSON.stringify(state)));
  const stranger = await program(1, (_request, response) => response.writeHead(401).end('{}'));
  const found = await programs(stateDir);
  expect(found.map((one) => one.state)).toEqual([state]);
  expect([slow(), well(), stranger()]).toEqual([true, true, false]);
}, 20_000);
