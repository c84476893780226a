/** A local network in which any machine answers the search for a router: 127.0.0.1 is the gateway, 127.0.0.2 is somebody else. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import { keepUpnpMapping, mapByUpnp } from '../../src/node/index.ts';

const GATEWAY = '127.0.0.1';
const OTHER = '127.0.0.2';
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const DESCRIPTION = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><serviceList><service>
  <serviceType>${SERVICE}</serviceType><controlURL>/control?a=1&amp;b=2</controlURL></service></serviceList></device></root>`;
const ADDRESS =
  '<s:Envelope xmlns:s="x"><s:Body><NewExternalIPAddress> 203.0.113.9 </NewExternalIPAddress></s:Body></s:Envelope>';

const open: (Socket | Server)[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

interface Machine {
  readonly url: string;
  /** What it was asked, method and path. */
  readonly asked: string[];
}

async function machine(
  address: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Machine> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.listen(0, address);
  await once(server, 'listening');
  open.push(server);
  return { url: `http://${address}:${(server.address() as AddressInfo).port}`, asked };
}

/** Hears the search, as multicast would bring it, and has it answered from these addresses, in this order. */
async function network(answers: readonly { readonly from: string; readonly location: string }[]): Promise<Endpoint> {
  const socket = createSocket('udp4');
  open.push(socket);
  socket.bind(0, GATEWAY);
  await once(socket, 'listening');
  const sockets = await Promise.all(
    answers.map(async ({ from }) => {
      const speaker = createSocket('udp4');
      open.push(speaker);
      speaker.bind(0, from);
      await once(speaker, 'listening');
      return speaker;
    }),
  );
  socket.on('message', (_search, asker) => {
    answers.forEach(({ location }, i) => {
      sockets[i]?.send(`HTTP/1.1 200 OK\r\nST: x\r\nLocation: ${location}\r\n\r\n`, asker.port, asker.address);
    });
  });
  return { address: GATEWAY, port: socket.address().port };
}

const map = (search: Endpoint) => mapByUpnp(4_000, { localAddress: GATEWAY, gateway: GATEWAY, search });

function router(request: IncomingMessage, response: ServerResponse): void {
  response.end(request.method === 'GET' ? DESCRIPTION : ADDRESS);
}

test('the gateway opens the port; a machine that answers before it is neither believed nor asked', async () => {
  const other = await machine(OTHER, router);
  const gateway = await machine(GATEWAY, router);
  const search = await network([
    { from: OTHER, location: `${other.url}/root.xml` },
    { from: OTHER, location: `${gateway.url}/reboot` },
    { from: GATEWAY, location: `${other.url}/root.xml` },
    { from: GATEWAY, location: `${gateway.url}/root.xml` },
  ]);
  const mapping = await map(search);
  expect(mapping?.external).toEqual({ address: '203.0.113.9', port: 4_000 });
  expect(gateway.asked).toEqual(['GET /root.xml', 'POST /control?a=1&b=2', 'POST /control?a=1&b=2']);
  expect(other.asked).toEqual([]);
});

test('of answers in the name of the gateway so many are read: who floods with them leads nowhere', async () => {
  const [other, gateway] = [await machine(OTHER, router), await machine(GATEWAY, router)];
  const wrong = (count: number) =>
    Array.from({ length: count }, () => ({ from: GATEWAY, location: `${other.url}/root.xml` }));
  const right = { from: GATEWAY, location: `${gateway.url}/root.xml` };
  expect(await map(await network([...wrong(3), right]))).not.toBeNull();
  expect(await map(await network([...wrong(40), right]))).toBeNull();
  expect(other.asked).toEqual([]);
});

test('a gateway that has got another address says so when it is asked again, and one that refuses then has shut the port', async () => {
  const answers = [ADDRESS, ADDRESS, ADDRESS.replace('.9 ', '.10 ')];
  const gateway = await machine(GATEWAY, (request, response) => {
    const adds = String(request.headers.soapaction).includes('#AddPortMapping');
    if (request.method === 'GET') response.end(DESCRIPTION);
    else if (adds) response.writeHead(answers.length > 0 ? 200 : 500).end();
    else response.end(answers.shift());
  });
  const search = await network([{ from: GATEWAY, location: `${gateway.url}/root.xml` }]);
  const told: (string | undefined)[] = [];
  const { signal } = new AbortController();
  const options = { localAddress: GATEWAY, gateway: GATEWAY, search, signal, leaseSeconds: 0.002 };
  await keepUpnpMapping(
    () => mapByUpnp(4_000, options),
    signal,
    (_works, external) => told.push(external?.address),
  );
  expect(told).toEqual(['203.0.113.9', '203.0.113.10', undefined]);
});

/** A gateway that answers one action after the other as it is told, and what was heard of it where it is looked at every few milliseconds. */
async function lookedAt(looks: readonly ('held' | 'other' | 'forgotten' | 'unknown' | 'silent')[]): Promise<{
  readonly told: readonly (string | undefined)[];
  readonly adds: number;
}> {
  const left = [...looks];
  const abort = new AbortController();
  let adds = 0;
  const fault = (code: number): string => `<s:Envelope><s:Body><errorCode>${code}</errorCode></s:Body></s:Envelope>`;
  const look = (response: ServerResponse): void => {
    const now = left.shift();
    if (now === undefined) abort.abort();
    if (now === 'silent') response.destroy();
    else if (now === 'forgotten' || now === 'unknown')
      response.writeHead(500).end(fault(now === 'unknown' ? 401 : 714));
    else response.end(`<a><NewInternalClient>${now === 'other' ? OTHER : GATEWAY}</NewInternalClient></a>`);
  };
  const gateway = await machine(GATEWAY, (request, response) => {
    const action = String(request.headers.soapaction);
    if (action.includes('#AddPortMapping')) adds++;
    if (request.method === 'GET') response.end(DESCRIPTION);
    else if (action.includes('#GetSpecificPortMappingEntry')) look(response);
    else response.end(ADDRESS);
  });
  const search = await network([{ from: GATEWAY, location: `${gateway.url}/root.xml` }]);
  const told: (string | undefined)[] = [];
  await keepUpnpMapping(
    () => mapByUpnp(4_000, { localAddress: GATEWAY, gateway: GATEWAY, search, signal: abort.signal }),
    abort.signal,
    (_works, external) => told.push(external?.address),
    2,
  );
  return { told, adds };
}

test('one that has forgotten the port, or given it to another, is asked for it anew when it is looked at', async () => {
  expect(await lookedAt(['held', 'unknown', 'held'])).toEqual({ told: ['203.0.113.9'], adds: 1 });
  expect(await lookedAt(['held', 'forgotten', 'held'])).toEqual({ told: ['203.0.113.9'], adds: 2 });
  expect(await lookedAt(['other'])).toEqual({ told: ['203.0.113.9'], adds: 2 });
});

test('one that is silent once is believed, and one that is silent twice in a row is given up, to be looked for anew', async () => {
  expect(await lookedAt(['silent', 'held', 'silent', 'held'])).toEqual({ told: ['203.0.113.9'], adds: 1 });
  expect(await lookedAt(['held', 'silent', 'silent'])).toEqual({ told: ['203.0.113.9', undefined], adds: 1 });
});

test('nothing that the gateway says leads to another machine: no redirect, no control address elsewhere', async () => {
  const other = await machine(OTHER, router);
  const answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [
    (_request, response) => response.writeHead(302, { location: `${other.url}/root.xml` }).end(),
    (_request, response) => response.end(DESCRIPTION.replace('/control?a=1&amp;b=2', `${other.url}/control`)),
    (request, response) => {
      if (request.method === 'GET') response.end(DESCRIPTION);
      else response.writeHead(307, { location: `${other.url}/control` }).end();
    },
  ];
  for (const answer of answers) {
    const gateway = await machine(GATEWAY, answer);
    expect(await map(await network([{ from: GATEWAY, location: `${gateway.url}/root.xml` }]))).toBeNull();
    expect(gateway.asked.length).toBeGreaterThan(0);
  }
  expect(other.asked).toEqual([]);
});

test('a description without an end is read no further than its limit', async () => {
  let sent = 0;
  const gateway = await machine(GATEWAY, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && sent < 64 * 1024 * 1024) {
        sent += 16_384;
        if (!response.write('<service>'.repeat(1_820).padEnd(16_384))) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  expect(await map(await network([{ from: GATEWAY, location: `${gateway.url}/root.xml` }]))).toBeNull();
  // What the kernel and Node keep on the way, far from all of it.
  expect(sent).toBeLessThan(32 * 1024 * 1024);
});
