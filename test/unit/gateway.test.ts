import { describe, expect, test } from 'vitest';
import {
  locationOf,
  parseIpRoute,
  parseProcIpv6Route,
  parseProcRoute,
  parseRouteGet,
  parseRouteGet6,
  parseRoutePrint,
  parseRoutePrint6,
  serviceOf,
  soapErrorOf,
} from '../../src/node/index.ts';

describe('the gateway of each operating system', () => {
  test('Linux: the default route of lowest metric that has a gateway and is up', () => {
    const table = [
      'Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT',
      'wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0',
      'eth0	00000000	FE01A8C0	0003	0	0	100	00000000	0	0	0',
      'eth0	0001A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0',
    ].join('\n');
    expect(parseProcRoute(table)).toBe('192.168.1.254');
    expect(parseProcRoute(table.split('\n')[0]!)).toBeNull();
    expect(parseProcRoute('')).toBeNull();
  });

  test('ip route, macOS and Windows', () => {
    expect(parseIpRoute('default via 10.0.2.2 dev eth0 proto dhcp metric 100\n')).toBe('10.0.2.2');
    expect(parseIpRoute('')).toBeNull();
    expect(parseRouteGet('   route to: default\n    gateway: 192.168.178.1\n  interface: en0\n')).toBe('192.168.178.1');
    const windows = [
      'Network Destination        Netmask          Gateway       Interface  Metric',
      '          0.0.0.0          0.0.0.0      192.168.1.1    192.168.1.20     35',
      '          0.0.0.0          0.0.0.0         10.0.0.1       10.0.0.20     25',
    ].join('\r\n');
    expect(parseRoutePrint(windows)).toBe('10.0.0.1');
  });
});

describe('the same of IPv6, with the interface where it is link-local', () => {
  test('Linux', () => {
    const none = '0'.repeat(32);
    const router = (tail: string) => `fe80${'0'.repeat(24)}${tail}`;
    const line = (to: string, length: string, via: string, metric: string, flags: string, name: string) =>
      `${to} ${length} ${none} 00 ${via} ${metric} 00000001 00000000 ${flags}     ${name}`;
    const table = [
      line(none, '00', router('0002'), '00000258', '00450003', 'wlan0'),
      line(none, '00', router('0001'), '00000064', '00450003', 'eth0'),
      line(router('0000'), '40', none, '00000100', '00000001', 'eth0'),
      line(none, '00', none, 'ffffffff', '00200200', 'lo'),
    ].join('\n');
    expect(parseProcIpv6Route(table)).toBe('fe80::1%eth0');
    expect(parseProcIpv6Route(line(none, '00', `20010db8${'0'.repeat(23)}1`, '0', '3', 'eth0'))).toBe('2001:db8::1');
    for (const nothing of ['', line(none, '00', none, '0', '200', 'lo'), line(none, '00', 'fe80', '0', '3', 'eth0')])
      expect(parseProcIpv6Route(nothing)).toBeNull();
  });

  test('macOS and Windows', () => {
    expect(parseRouteGet6('   route to: default\n    gateway: fe80::1%en0\n  interface: en0\n')).toBe('fe80::1%en0');
    expect(parseRouteGet6('    gateway: fe80::1\n')).toBeNull();
    const windows = [
      ' If Metric Network Destination      Gateway',
      ' 12    271 ::/0                     fe80::2',
      '  8     26 ::/0                     fe80::1234:5678:9abc:def0',
      '  1    331 ::1/128                  On-link',
    ].join('\r\n');
    expect(parseRoutePrint6(windows)).toBe('fe80::1234:5678:9abc:def0%8');
    expect(parseRoutePrint6('  8  26 ::/0  On-link')).toBeNull();
  });
});

describe('what a router may say over UPnP', () => {
  const answer = (location: string) => `HTTP/1.1 200 OK\r\nLOCATION: ${location}\r\nST: x\r\n\r\n`;

  test('its description is read only from the gateway itself', () => {
    expect(locationOf(answer('http://192.168.1.1:5000/root.xml'), '192.168.1.1')?.href).toBe(
      'http://192.168.1.1:5000/root.xml',
    );
    expect(locationOf(answer('http://192.168.1.9:5000/root.xml'), '192.168.1.1')).toBeNull();
    const elsewhere = [
      'http://127.0.0.1/',
      'http://localhost/',
      'http://router/',
      'http://[::1]/',
      'http://169.254.169.254/',
    ];
    const odd = [
      'file:///etc/passwd',
      'https://192.168.1.1/',
      'http://me:secret@192.168.1.1/',
      'gopher://192.168.1.1/',
      '',
    ];
    for (const location of [...elsewhere, ...odd]) expect(locationOf(answer(location), '192.168.1.1')).toBeNull();
    expect(locationOf('NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n', '192.168.1.1')).toBeNull();
  });

  test('the service is taken from IGD 1 and 2, and never leads to another machine', () => {
    const location = new URL('http://192.168.1.1:5000/root.xml');
    const xml = (type: string, control: string) =>
      `<device><service><serviceType>urn:x:other:1</serviceType><controlURL>/no</controlURL></service>
       <service><serviceType>${type}</serviceType><controlURL>${control}</controlURL></service></device>`;
    const two = 'urn:schemas-upnp-org:service:WANIPConnection:2';
    expect(serviceOf(xml(two, '/ctl'), location)?.control.href).toBe('http://192.168.1.1:5000/ctl');
    expect(serviceOf(xml('urn:schemas-upnp-org:service:WANPPPConnection:1', '/ctl'), location)).not.toBeNull();
    for (const control of ['http://198.51.100.1/ctl', '//127.0.0.1/ctl', 'http://localhost/ctl', 'file:///ctl', '']) {
      expect(serviceOf(xml(two, control), location)).toBeNull();
    }
    const firewall = 'urn:schemas-upnp-org:service:WANIPv6FirewallControl:1';
    expect(serviceOf(xml(firewall, '/ctl'), location)).toBeNull();
    expect(serviceOf(xml(firewall, '/ctl'), location, new Set([firewall]))?.type).toBe(firewall);
    expect(serviceOf('', location)).toBeNull();
    expect(soapErrorOf('<UPnPError><errorCode>725</errorCode></UPnPError>')).toBe(725);
  });
});
