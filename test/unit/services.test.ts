import fc from 'fast-check';
import { expect, test } from 'vitest';
import { servicesText } from '../../src/agent/index.ts';
import { checkServices, formatService, LIMITS, parseServices, type ServiceTarget } from '../../src/core/index.ts';

const HERE = '127.0.0.1';

test.each<[string, readonly ServiceTarget[]]>([
  ['30000', [{ port: 30_000, protocols: 'udp', address: HERE }]],
  ['64738/udp+tcp', [{ port: 64_738, protocols: 'udp+tcp', address: HERE }]],
  ['64738/TCP+UDP', [{ port: 64_738, protocols: 'udp+tcp', address: HERE }]],
  ['7777/tcp', [{ port: 7_777, protocols: 'tcp', address: HERE }]],
  ['30000/udp,30000/tcp', [{ port: 30_000, protocols: 'udp+tcp', address: HERE }]],
  ['localhost:30000', [{ port: 30_000, protocols: 'udp', address: HERE }]],
  ['0.0.0.0:30000', [{ port: 30_000, protocols: 'udp', address: HERE }]],
  ['192.168.1.50:30000/tcp', [{ port: 30_000, protocols: 'tcp', address: '192.168.1.50' }]],
  ['[::1]:30000', [{ port: 30_000, protocols: 'udp', address: '::1' }]],
  ['[2001:DB8:0:0::1]:1', [{ port: 1, protocols: 'udp', address: '2001:db8::1' }]],
  [
    ' 28801,28802 , 2456-2457/tcp ',
    [
      { port: 28_801, protocols: 'udp', address: HERE },
      { port: 28_802, protocols: 'udp', address: HERE },
      { port: 2_456, protocols: 'tcp', address: HERE },
      { port: 2_457, protocols: 'tcp', address: HERE },
    ],
  ],
])('"%s" is read', (text, services) => {
  expect(parseServices(text)).toEqual(services);
});

test.each([
  ['', 'none', 'like 30000'],
  [' , ', 'none', 'like 30000'],
  ['games', 'not-a-service', '"games" is no port'],
  ['30000x', 'not-a-service', 'write 30000'],
  ['30000-', 'not-a-service', '30000-'],
  ['-1', 'not-a-service', '-1'],
  ['::1:30000', 'not-a-service', '"::1:30000"'],
  ['[::1]30000', 'not-a-service', '192.168.1.50:30000'],
  ['0', 'port', '1 to 65535'],
  ['65536', 'port', '65536'],
  ['30000-99999', 'port', '30000-99999'],
  ['2457-2456', 'range', '2456-2457'],
  ['30000/sctp', 'protocol', '/udp+tcp'],
  ['30000/', 'protocol', '"30000/"'],
  ['example.org:30000', 'address', 'write an IP address'],
  [':30000', 'address', '":30000"'],
  ['256.1.1.1:30000', 'address', '256.1.1.1'],
  ['30000,30000', 'twice', '30000 is given twice'],
  ['30000,192.168.1.5:30000/tcp', 'twice', '30000'],
  ['1-17', 'too-many', '16'],
  ['1-16 20', 'too-many', 'under another name'],
  ['1-60000,1-60000', 'too-many', '16'],
])('"%s" is no list of services: %s, and what to write instead is said', (text, problem, words) => {
  const read = parseServices(text);
  if (!('problem' in read)) throw new Error('it was read');
  expect(read.problem).toBe(problem);
  expect(servicesText(read)).toContain(words);
});

const service = fc.record({
  port: fc.integer({ min: 1, max: 65_535 }),
  protocols: fc.constantFrom('udp' as const, 'tcp' as const, 'udp+tcp' as const),
  address: fc.constantFrom(HERE, '192.168.1.50', '::1', '2001:db8::7', '127.0.0.9'),
});
const list = fc.uniqueArray(service, { minLength: 1, maxLength: LIMITS.servicesMax, selector: ({ port }) => port });

test('what is written of a list is read as that list', () => {
  fc.assert(
    fc.property(list, fc.constantFrom(',', ' ', ', '), (services, between) => {
      expect(parseServices(services.map(formatService).join(between))).toEqual(services);
      expect(checkServices(services)).toEqual(services);
    }),
  );
});

test('no text whatever makes more than 16 services, or one port twice, or throws', () => {
  const symbols = fc.constantFrom(...'0123456789-,:/[]. udptc+');
  fc.assert(
    fc.property(fc.string({ unit: symbols, maxLength: 60 }), (text) => {
      const read = parseServices(text);
      if ('problem' in read) return servicesText(read) !== '';
      return read.length <= LIMITS.servicesMax && new Set(read.map(({ port }) => port)).size === read.length;
    }),
    { numRuns: 2_000 },
  );
});
