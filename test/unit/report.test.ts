import { describe, expect, test } from 'vitest';
import { probeLines, type ReportOptions, reportLines, type WaysShown, whatWouldHelp } from '../../src/cli/testing.ts';
import type { MasterLink, NatProfile } from '../../src/core/index.ts';
import { UNKNOWN_ALLOCATOR, UNKNOWN_PROFILE } from '../../src/core/testing.ts';

const cone: NatProfile = {
  ...UNKNOWN_PROFILE,
  mapping: 'eim',
  filtering: 'apdf',
  type: 'port-preserving-cone',
  allocator: { ...UNKNOWN_ALLOCATOR, kind: 'preserve', step: 0 },
  external: ['203.0.113.9'],
  delta: 0,
  lastPort: 41822,
  natHops: 1,
  layers: 1,
  poisonable: 'no',
  hairpin: 'no',
  portMapping: { upnp: 'no', natPmp: 'no', pcp: 'no', claim: 'none', external: null },
  verdict: 'moderate',
  confidence: 0.995,
  samples: 12,
  addressesAsked: 2,
};
const options: ReportOptions = { showIps: false, masterRttMs: 12, masterWay: 'udp', routerAskedMs: null };
const text = (profile: NatProfile, shown = options) => reportLines(profile, shown).join('\n');

describe('the ways to the master', () => {
  const link = { host: '198.51.100.7', port: 8430, key: new Uint8Array(32) };
  const line = (reports: WaysShown['reports'], more: Partial<MasterLink> = {}) =>
    reportLines(cone, { ...options, ways: { reports, link: { ...link, ...more } } }).find((one) =>
      one.startsWith('Ways'),
    );

  test('says of each whether it passes, and how long it takes', () => {
    const further = { udp: 443, tls: { host: 'ms.example.org', port: 443 } };
    const reports = [
      { way: 'udp', answeredMs: null },
      { way: 'further', answeredMs: null },
      { way: 'tls', answeredMs: 61.7 },
    ] as const;
    expect(line(reports, further)).toBe(
      'Ways      UDP 8430 no answer · UDP 443 no answer · TLS ms.example.org works, 62 ms',
    );
  });

  test('says that the link names no other, and masks the address of one', () => {
    expect(line([{ way: 'udp', answeredMs: 20 }])).toBe(
      'Ways      UDP 8430 works, 20 ms · the master link names no other way',
    );
    const tls = { host: '203.0.113.7', port: 8443 };
    const reports = [
      { way: 'udp', answeredMs: 9 },
      { way: 'tls', answeredMs: 8 },
    ] as const;
    expect(line(reports, { tls })).toContain('TLS 203.0.113.*:8443 works, 8 ms');
  });
});

describe('the report of check', () => {
  test('begins with the verdict in words and names type, delta and last port (S1, S30)', () => {
    expect(reportLines(cone, options)[0]).toMatch(/^Verdict {3}Moderate for gaming: /);
    expect(text(cone)).toContain('port-preserving cone, port delta 0');
    expect(text(cone)).toContain('last 41822');
  });

  test('claims nothing of other addresses where one was asked', () => {
    expect(text(cone)).toContain('one port for all destinations');
    const one = text({ ...cone, addressesAsked: 1, confidence: 0.92 });
    expect(one).toContain('one port for all ports of the one address asked, others cannot be told');
    expect(one).toMatch(/^Sure +92 % \(12 samples, one address asked\) · newest \d+ s old/m);
    expect(one).toMatch(/^To do +Add --stun host:port/m);
  });

  test('says of a masterserver with one port what it cannot tell, and what would', () => {
    const one = text({ ...cone, mapping: 'unknown', filtering: 'unknown', type: 'unknown', addressesAsked: 1 });
    expect(one).toContain('Mapping   cannot be told: one port of one address was asked');
    expect(one).toContain('Filtering not tested (the masterserver needs a second port or address for it)');
    expect(one).toMatch(/^To do +Add --stun host:port/m);
    expect(text({ ...cone, mapping: 'unknown', samples: 0, addressesAsked: 0 })).toContain('Mapping   not known');
  });

  test('says how many ports there are, where that is known', () => {
    expect(text(cone)).toMatch(/^Limits +none known$/m);
    expect(text({ ...cone, quota: 512 })).toMatch(/^Limits +512 ports for this network$/m);
    expect(text({ ...cone, portSet: 240 })).toMatch(/^Limits +240 ports for this network$/m);
  });

  test('two addresses: in turn, or each by whom it is seen', () => {
    const two: NatProfile = { ...cone, external: ['198.51.100.250', '203.0.113.9'] };
    const asked = (place: string, port: number, address: string) => ({
      ...{ destination: { address: place, port }, localPort: 40_000, seenAs: { address, port: 40_000 } },
    });
    const split = [
      ...[asked('192.0.2.1', 8431, '198.51.100.250'), asked('192.0.2.1', 8432, '198.51.100.250')],
      ...[
        asked('192.0.2.77', 3478, '203.0.113.9'),
        asked('192.0.2.78', 3478, '203.0.113.9'),
        asked('192.0.2.79', 3478, '203.0.113.9'),
      ],
    ];
    const shown = { ...options, showIps: true };
    expect(text(two, { ...shown, probes: split })).toContain(
      'IPv4 198.51.100.250 (as 192.0.2.1 sees it), 203.0.113.9 (as 192.0.2.77, 192.0.2.78, … sees it)',
    );
    const mixed = [...split, asked('192.0.2.1', 8433, '203.0.113.9')];
    expect(text(two, { ...shown, probes: mixed })).toContain('IPv4 198.51.100.250, 203.0.113.9 (2 addresses in turn)');
    expect(text({ ...cone, external: ['203.0.113.9'] }, { ...shown, probes: split })).not.toContain('sees it');
  });

  test('hides the end of the address unless asked to show it', () => {
    expect(text(cone)).toContain('203.0.113.*');
    expect(text(cone)).not.toContain('203.0.113.9');
    expect(text(cone, { ...options, showIps: true })).toContain('203.0.113.9');
    const six = { ...cone, external: ['2001:db8::7'] };
    expect(text(six)).toMatch(/IPv4 address not known · IPv6 2001:db8:0:\*\n/);
  });

  test('never uses one word for "not tested" and "tested: none"', () => {
    const untested = { ...cone, portMapping: UNKNOWN_PROFILE.portMapping, hairpin: 'untested' } as const;
    expect(text(untested)).toContain('UPnP not tested');
    expect(text(cone)).toContain('UPnP off');
    const silent = text(
      { ...untested, portMapping: { ...cone.portMapping, upnp: 'untested' } },
      { ...options, routerAskedMs: 1_990 },
    );
    expect(silent).toContain('UPnP no answer within 2 s · NAT-PMP off');
    expect(text(untested)).toMatch(/Hairpin +not tested/);
    expect(text(cone)).toMatch(/Hairpin +no$/m);
  });

  test('sees no second router where there is no router at all', () => {
    const router = /second router/;
    const own: NatProfile = { ...cone, external: ['127.0.0.1'], layers: null };
    expect(whatWouldHelp(own).join()).toMatch(/masterserver is on this computer/);
    const lan: NatProfile = { ...cone, type: 'public', external: ['10.0.0.5'], layers: 0 };
    expect(whatWouldHelp(lan).join()).not.toMatch(router);
    expect(whatWouldHelp({ ...cone, external: ['100.64.0.9'] }).join()).toMatch(router);
  });

  test('a sequential symmetric NAT shows its step, the others and the next port', () => {
    const symmetric: NatProfile = {
      ...cone,
      mapping: 'apdm',
      type: 'port-sensitive',
      delta: 2,
      predictedNextPort: 41824,
      allocator: { ...UNKNOWN_ALLOCATOR, kind: 'step', step: 2, backgroundPerSecond: 17.4 },
    };
    expect(text(symmetric)).toContain('port-sensitive symmetric, port delta +2');
    expect(text(symmetric)).toContain('+2 each, 17 others a second');
    expect(text(symmetric)).toContain('next likely 41824');
  });

  test('lists each probe with what it saw (S30)', () => {
    const destination = { address: '192.0.2.1', port: 3478 };
    const probes = [
      { destination, localPort: 5000, seenAs: { address: '203.0.113.9', port: 5001 } },
      { destination, localPort: 5000, seenAs: null },
    ];
    expect(probeLines(probes, { showIps: false })).toEqual([
      'Probe     192.0.2.1:3478 from port 5000 → 203.0.113.*:5001',
      'Probe     192.0.2.1:3478 from port 5000 → no answer',
    ]);
  });

  test('says what to do, and says nothing where there is nothing to do', () => {
    expect(whatWouldHelp(cone).join()).toContain('UPnP');
    expect(whatWouldHelp({ ...cone, layers: 2 }).join()).toContain('second router');
    expect(whatWouldHelp({ ...cone, type: 'blocked', samples: 0 }).join()).toContain('Allow outgoing UDP');
    expect(whatWouldHelp({ ...cone, verdict: 'open' })).toEqual([]);
    expect(whatWouldHelp(UNKNOWN_PROFILE).join()).toContain('--stun');
  });
});
