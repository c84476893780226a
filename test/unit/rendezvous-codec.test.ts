import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHex, WIRE_LIMITS } from '../../src/core/index.ts';
import {
  acceptPayload,
  cidNumber,
  FRAME,
  PROFILE_BYTES_MAX,
  probeAuthentic,
  Reader,
  readAcceptPayload,
  readProbe,
  readProbeAnswer,
  readProfile,
  readPush,
  readRequestFrame,
  readResponse,
  sipHash128,
  UNKNOWN_PROFILE,
  Writer,
  writeProbe,
  writeProbeAnswer,
  writeProfile,
  writePush,
  writePushFrame,
  writeRequestFrame,
  writeResponse,
  writeResponseFrame,
} from '../../src/core/testing.ts';
import { bytes, endpoint, profile, push, request, response } from './rendezvous-arbitraries.ts';
import { hexBytes, protocolVectors } from './rendezvous-vectors.ts';

const SEALED_OVERHEAD = 17 + 16;

test('every request comes back as it was sent, in a datagram of the size it must have', () => {
  fc.assert(
    fc.property(request, fc.nat(0xffff), fc.boolean(), fc.nat(), (message, id, via, stamp) => {
      const frame = writeRequestFrame({ id, via, stamp, message });
      expect(readRequestFrame(new Reader(frame.subarray(1)))).toEqual({ id, via, stamp, message });
      const size = frame.length + SEALED_OVERHEAD;
      expect(size).toBeLessThanOrEqual(WIRE_LIMITS.controlBytesMax);
      expect(size).toBeGreaterThanOrEqual(WIRE_LIMITS.confirmBytesMin);
      if (['join', 'answer', 'credit'].includes(message.type)) expect(size).toBe(WIRE_LIMITS.controlBytesMax);
      if (message.type === 'heartbeat') expect(size).toBeLessThanOrEqual(900);
    }),
    { numRuns: 1500 },
  );
});

test('an address in the list is HOST:PORT or none, whatever a master sends', () => {
  const told = readResponse(new Reader(hexBytes(protocolVectors().responses.resolved as string)));
  if (told?.type !== 'resolved') return expect.unreachable();
  const read = (address: string) => {
    const writer = new Writer(600);
    writeResponse(writer, { ...told, entry: { ...told.entry, address } });
    const back = readResponse(new Reader(writer.done()));
    return back?.type === 'resolved' ? back.entry.address : expect.unreachable();
  };
  for (const good of ['203.0.113.5:30000', '[2001:db8::5]:1', 'play.example.org:8303']) expect(read(good)).toBe(good);
  for (const bad of ['203.0.113.5', 'a:1\nrm -rf ~', '\u001b[31m:1', 'x y:1', '\u202e:1', '$(reboot):1', ':1'])
    expect(read(bad)).toBeNull();
});

test('every response and push comes back as it was sent and fits a datagram', () => {
  fc.assert(
    fc.property(response, push, (answer, told) => {
      const responseFrame = writeResponseFrame(1, 2, answer);
      expect(responseFrame[0]).toBe(FRAME.response);
      expect(readResponse(new Reader(responseFrame.subarray(7)))).toEqual(answer);
      const pushFrame = writePushFrame(1, 2, told);
      expect(readPush(new Reader(pushFrame.subarray(7)))).toEqual(told);
      expect(Math.max(responseFrame.length, pushFrame.length) + SEALED_OVERHEAD).toBeLessThanOrEqual(1200);
    }),
    { numRuns: 1500 },
  );
});

test('what a later version appends is ignored, what is missing is malformed', () => {
  fc.assert(
    fc.property(response, push, bytes(9), (answer, told, tail) => {
      const writer = new Writer(1400);
      writeResponse(writer, answer);
      expect(readResponse(new Reader(writer.raw(tail).done()))).toEqual(answer);
      const cut = new Writer(1400);
      writePush(cut, told);
      expect(readPush(new Reader(cut.done().subarray(0, cut.length - 1)))).toBeNull();
    }),
  );
});

test('a profile survives the wire and stays small enough to stand beside the handshake', () => {
  fc.assert(
    fc.property(profile, (value) => {
      const writer = new Writer(PROFILE_BYTES_MAX);
      writeProfile(writer, value);
      const reader = new Reader(writer.done());
      expect(readProfile(reader)).toEqual(value);
      expect(reader.ok).toBe(true);
    }),
    { numRuns: 500 },
  );
  const writer = new Writer(PROFILE_BYTES_MAX);
  writeProfile(writer, UNKNOWN_PROFILE);
  expect(readProfile(new Reader(writer.done()))).toEqual(UNKNOWN_PROFILE);
  expect(PROFILE_BYTES_MAX).toBeLessThanOrEqual(320);
});

test('a profile with a range upside down is malformed, also with what the planner takes an open end for', () => {
  const ranges = [
    [2000, 1000],
    [null, 500],
    [65_535, 1],
    [1, 65_535],
    [null, 1024],
    [500, null],
  ] as const;
  const wellFormed = ranges.map(([low, high]) => {
    const allocator = { ...UNKNOWN_PROFILE.allocator, kind: 'range', low, high } as const;
    const writer = new Writer(PROFILE_BYTES_MAX);
    writeProfile(writer, { ...UNKNOWN_PROFILE, allocator, mixture: [allocator] });
    const reader = new Reader(writer.done());
    readProfile(reader);
    return reader.ok;
  });
  expect(wellFormed).toEqual([false, false, false, true, true, true]);
});

test('an endpoint at port 0, where nothing can be, is malformed', () => {
  const write = (port: number): Reader => {
    const writer = new Writer(100);
    writeResponse(writer, { type: 'ok', observed: { address: '203.0.113.9', port }, nodes: 0 });
    return new Reader(writer.done());
  };
  expect([readResponse(write(1)), readResponse(write(0))]).toMatchObject([{ type: 'ok' }, null]);
});

test('an ACCEPT that names ports that there are not is none', () => {
  const observed = { address: '203.0.113.9', port: 41822 };
  const accept = { cid: new Uint8Array(8), pingMs: 2_000, observed, otherAddresses: [], ticket: null };
  const read = (controlPort: number, firstProbePort: number, probePorts: number) =>
    readAcceptPayload(acceptPayload({ ...accept, controlPort, firstProbePort, probePorts })) !== null;
  expect([read(8433, 8439, 16), read(8433, 65_520, 16), read(8433, 8439, 0)]).toEqual([true, true, true]);
  expect([read(0, 8439, 16), read(8433, 0, 16), read(8433, 65_521, 16), read(8433, 8439, 15)]).toEqual(
    Array(4).fill(false),
  );
});

test('SipHash-2-4-128 equals the reference vectors of its authors', () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const input = (length: number) => Uint8Array.from({ length }, (_, i) => i);
  expect(toHex(sipHash128(key, input(0)))).toBe('a3817f04ba25a8e66df67214c7550293');
  expect(toHex(sipHash128(key, input(1)))).toBe('da87c1d86b99af44347659119b22fc45');
  expect(toHex(sipHash128(key, input(63)))).toBe('5150d1772f50834a503e069a973fbd7c');
});

test('a probe and its answer are 48 bytes each and authentic only with the key and every byte in place', () => {
  const source = fc.constantFrom('same', 'other-port', 'other-address');
  const toPort = fc.constantFrom(0, 1024, 65_535);
  fc.assert(
    fc.property(
      bytes(16),
      bytes(8),
      fc.nat(0xffff_ffff),
      source,
      endpoint,
      toPort,
      (key, cid, number, from, observed, to) => {
        const asked = writeProbe(key, cid, number, from, to);
        const probe = readProbe(asked);
        if (probe === null) return expect.unreachable('an own probe is well-formed');
        expect(probe).toEqual({ session: cidNumber(cid), answerFrom: from, toPort: to, request: number });
        expect(probeAuthentic(key, asked)).toBe(true);
        expect(readProbe(writeProbe(key, cid, number, from, 1023))).toBeNull();
        const answer = writeProbeAnswer(key, probe, observed);
        expect([asked.length, answer.length]).toEqual([48, 48]);
        expect(readProbeAnswer(key, answer)).toEqual({ answerFrom: from, request: number, observed });
        expect(readProbeAnswer(key, writeProbeAnswer(key, probe, { ...observed, port: 0 }))).toBeNull();
        for (const at of [0, 1, 2, 5, 9, 17, 40, 47]) {
          const forged = answer.slice();
          forged[at] = (forged[at] as number) ^ 4;
          expect(readProbeAnswer(key, forged), `byte ${at}`).toBeNull();
        }
      },
    ),
    { numRuns: 100 },
  );
});
