/** Networks that let no UDP out, by the kernel's own rules: the real command reaches its masterserver by TLS, its own, nginx's or Caddy's. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  compiled,
  eventOf,
  type Lab,
  type LabHost,
  type LabNat,
  type LabProcess,
  openLab,
  Puppet,
  tinyGame,
} from '../../lab/index.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';

const WAIT_MS = 30_000;

function missing(): string | null {
  for (const program of ['openssl', 'nginx', 'caddy']) if (!hasProgram(program)) return `${program} is not installed`;
  return labMissing();
}

describeUnless(missing(), 'a network without UDP', () => {
  let lab: Lab;
  let folder: string;
  let master: LabHost;
  let office: LabHost;
  let firewall: LabNat;
  let tls: readonly string[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-lab-'));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    const made = ['req', '-x509', ...curve, '-subj', '/CN=ms.example.org', '-keyout', key, '-out', cert];
    execFileSync('openssl', made, { stdio: 'ignore' });
    tls = ['--tls-cert', cert, '--tls-key', key];
    lab = await openLab();
    master = await lab.publicHost('master');
    firewall = await lab.nat('firewall', 'udp-blocked');
    office = await lab.hostBehind(firewall, 'office');
  });
  afterEach(async () => {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function sallyport(on: LabHost, argv: readonly string[]): LabProcess {
    const state = `/run/lab/${on.name}-${argv[0]}`;
    const env = { HOME: state, XDG_STATE_HOME: state, XDG_CONFIG_HOME: state, NO_COLOR: '1' };
    return on.spawn([process.execPath, compiled('src/cli/main.js'), ...argv, '--json'], env);
  }

  function event(of: LabProcess, ev: string): Promise<Record<string, unknown>> {
    return of.find(({ stream, text }) => {
      const found = stream === 'stdout' ? eventOf(text) : null;
      return found?.ev === ev ? found : null;
    }, WAIT_MS);
  }

  async function startMaster(argv: readonly string[]): Promise<string> {
    const listen = ['--listen', master.address, '--metrics-listen', 'off'];
    const { master: link } = await event(sallyport(master, ['master', ...listen, ...argv]), 'ready');
    return String(link);
  }

  async function passing(link: string): Promise<Record<string, boolean>> {
    const { ways } = await event(sallyport(office, ['check', '--master', link]), 'ways');
    const told = ways as { readonly way: string; readonly answeredMs: number | null }[];
    return Object.fromEntries(told.map(({ way, answeredMs }) => [way, answeredMs !== null]));
  }

  /** A friend in the office finds a host at home and plays there, through the relay of the masterserver. */
  async function plays(link: string): Promise<void> {
    const home = await lab.hostBehind(await lab.nat('router', 'home-router'), 'home');
    home.spawn(tinyGame.argv, { HOME: '/run/lab' });
    const game = String(tinyGame.port);
    const host = sallyport(home, ['host', game, '--master', link, '--name', "Ana's world", '--public']);
    const { code } = await event(host, 'ready');
    const listed = await event(sallyport(office, ['list', '--master', link]), 'list');
    expect(listed).toMatchObject({ servers: [{ name: "Ana's world" }] });
    const friend = sallyport(office, ['join', String(code), '--master', link, '--timeout', '20']);
    expect(await event(friend, 'found')).toMatchObject({ entry: { name: "Ana's world" } });
    const { path, local } = await event(friend, 'connected');
    expect(path).toBe('relay');
    const puppet = new Puppet(office);
    await puppet.open('player');
    const [address, port] = String(local).split(':') as [string, string];
    expect(await tinyGame.status(puppet, 'player', address, Number(port))).not.toBe('');
    friend.signal('SIGINT');
  }

  /** The masterserver stays on plain HTTP on its own computer, and the proxy is before it. */
  async function playsBehind(proxy: readonly string[]): Promise<void> {
    const link = await startMaster(['--https-at', master.address]);
    expect(link).toContain(`/?tls=${master.address}#`);
    const before = master.spawn(proxy, { HOME: folder });
    await expect.poll(() => passing(link), { timeout: WAIT_MS }).toEqual({ udp: false, tls: true });
    expect(before.running).toBe(true);
    await plays(link);
  }

  test('reaches a masterserver with a certificate of its own, hosts and joins there, and check says which way passes', async () => {
    const link = await startMaster(['--http', `${master.address}:443`, ...tls, '--also-port', '443']);
    expect(link).toContain(`/?udp=443&tls=${master.address}#`);
    expect(await passing(link)).toEqual({ udp: false, further: false, tls: true });
    await plays(link);
    // The same network, once port 443 is open for UDP too.
    await firewall.shell(
      'nft insert rule ip filter transit udp dport 443 accept; nft insert rule ip filter transit udp sport 443 accept',
    );
    expect(await passing(link)).toEqual({ udp: false, further: true, tls: true });
  }, 120_000);

  test('reaches a masterserver behind nginx, which passes /tunnel on as the page on operating says', async () => {
    const [cert, key] = [tls[1], tls[3]];
    writeFileSync(
      join(folder, 'nginx.conf'),
      `pid ${folder}/nginx.pid; error_log stderr; daemon off; worker_processes 1; user root;
events { worker_connections 256; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server { listen ${master.address}:443 ssl; server_name ms.example.org; ssl_certificate ${cert}; ssl_certificate_key ${key};
    location / { proxy_pass http://127.0.0.1:8420; proxy_set_header Host $host;
                 proxy_set_header X-Forwarded-For $remote_addr; proxy_buffering off; proxy_read_timeout 1h; }
    location = /tunnel { proxy_pass http://127.0.0.1:8420; proxy_http_version 1.1;
                 proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
                 proxy_set_header X-Forwarded-For $remote_addr; proxy_buffering off; proxy_read_timeout 2m; } }
}
`,
    );
    await playsBehind(['nginx', '-c', join(folder, 'nginx.conf')]);
  }, 120_000);

  test('reaches a masterserver behind Caddy, as the page on operating says', async () => {
    const [cert, key] = [tls[1], tls[3]];
    // A name of its own and a certificate that Caddy has fetched for it need the world outside; here it has both by file.
    writeFileSync(
      join(folder, 'Caddyfile'),
      `{
  admin off
  auto_https off
  default_sni ms.example.org
}
https:// {
  bind ${master.address}
  tls ${cert} ${key}
  reverse_proxy 127.0.0.1:8420 {
    flush_interval -1
  }
}
`,
    );
    await playsBehind(['caddy', 'run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']);
  }, 120_000);
});
