import { describe, expect, test } from 'vitest';
import {
  locationOf,
  parseIpRoute,
  parseProcRoute,
  parseRouteGet,
  parseRoutePrint,
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
    expect(serviceOf('', location)).toBeNull();
    expect(soapErrorOf('<UPnPError><errorCode>725</errorCode></UPnPError>')).toBe(725);
  });
});
