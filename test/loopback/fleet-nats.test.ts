/** Who gets into the engine of a fleet, by credentials and by TLS, and what a foreign node gets that is let in. Needs nats-server and openssl. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askFleet, type MasterFact, type NatsOptions, type RunningMaster } from '../../src/master/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { eventually, hostCommand, MasterBench } from './master-node.ts';

const MISSING = spawnSync('nats-server', ['--version']).status !== 0 || !existsSync('/usr/bin/openssl');
const SUBJECTS = ['sallyport.fleet', 'sallyport.fleet.echo.*'];

type Pair = ReturnType<typeof nkeys.createUser>;

/** A JWT as `nsc` makes it, signed by an nkey. */
function jwt(by: Pair, of: Pair, claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const about = { jti: of.getPublicKey(), iat: Math.floor(Date.now() / 1000), iss: by.getPublicKey() };
  const body = part({ ...about, name: 'test', sub: of.getPublicKey(), nats: { version: 2, ...claims } });
  const head = part({ typ: 'JWT', alg: 'ed25519-nkey' });
  const signature = by.sign(new TextEncoder().encode(`${head}.${body}`));
  return `${head}.${body}.${Buffer.from(signature).toString('base64url')}`;
}

const LIMITS = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

/** A credentials file of a user of this account. */
function credsOf(account: Pair): string {
  const user = nkeys.createUser();
  const rights = { pub: { allow: SUBJECTS }, sub: { allow: SUBJECTS }, subs: -1, data: -1, payload: -1 };
  const token = jwt(account, user, { type: 'user', ...rights });
  const seed = new TextDecoder().decode(user.getSeed());
  return [
    ...['-----BEGIN NATS USER JWT-----', token, '------END NATS USER JWT------', ''],
    ...['-----BEGIN USER NKEY SEED-----', seed, '------END USER NKEY SEED------', ''],
  ].join('\n');
}

describe.skipIf(MISSING)('the engine of a fleet (needs nats-server and openssl)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-nats-'));
  const servers: ChildProcess[] = [];
  const bench = new MasterBench();
  const at = (name: string): string => join(folder, name);

  async function serve(config: string): Promise<string> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    const file = at(`${port}.conf`);
    writeFileSync(file, `listen: "127.0.0.1:${port}"\n${config}`);
    const child = spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    servers.push(child);
    for await (const bytes of child.stderr ?? []) if (String(bytes).includes('Server is ready')) break;
    return `127.0.0.1:${port}`;
  }

  /** Whoever is let in hears that nobody is there. */
  const isLetIn = (nats: NatsOptions): Promise<boolean> =>
    askFleet(nats, at('state')).then(
      ({ nodes }) => nodes.length === 0,
      (error: { code?: string }) => {
        expect(error.code).toBe('MASTER_UNREACHABLE');
        return false;
      },
    );

  function openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  }

  /** A key, and a certificate by this authority. */
  function certify(name: string, authority: string): void {
    writeFileSync(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1\n');
    const made = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`];
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...made);
    const by = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...by,
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  }

  beforeAll(() => {
    mkdirSync(at('state'));
    for (const name of ['master.key', 'fleet.secret'])
      writeFileSync(at(`state/${name}`), `${Buffer.from(nodeCrypto.randomBytes(32)).toString('base64url')}\n`, {
        mode: 0o600,
      });
    for (const name of ['ca', 'other']) {
      const made = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', '2'];
      openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...made);
    }
    certify('server', 'ca');
    certify('node', 'ca');
    certify('stranger', 'other');
  });

  afterAll(async () => {
    await bench.close();
    for (const server of servers) server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('a credentials file lets its node in; one of another account, or none, gets nothing', async () => {
    const [operator, account, foreign] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
    const claims = { type: 'account', limits: LIMITS };
    const server = await serve(
      [
        `operator: ${jwt(operator, operator, { type: 'operator' })}`,
        'resolver: MEMORY',
        `resolver_preload: { ${account.getPublicKey()}: ${jwt(operator, account, claims)} }`,
      ].join('\n'),
    );
    writeFileSync(at('good.creds'), credsOf(account));
    writeFileSync(at('foreign.creds'), credsOf(foreign));
    const of = (creds?: string): NatsOptions => ({
      servers: [`nats://${server}`],
      ...(creds === undefined ? {} : { creds: at(creds) }),
    });
    expect(await isLetIn(of('good.creds'))).toBe(true);
    expect(await Promise.all([isLetIn(of('foreign.creds')), isLetIn(of())])).toEqual([false, false]);
  }, 60_000);

  test('TLS by both sides lets in whom the authority has signed, and nobody who does not know the server', async () => {
    const tls = `cert_file: "${at('server.pem')}", key_file: "${at('server.key')}", ca_file: "${at('ca.pem')}"`;
    const server = await serve(`tls { ${tls}, verify: true }`);
    const of = (ca: string, name: string | null): NatsOptions => ({
      ...{ servers: [`tls://${server}`], ca: at(ca) },
      ...(name === null ? {} : { cert: at(`${name}.pem`), key: at(`${name}.key`) }),
    });
    expect(await isLetIn(of('ca.pem', 'node'))).toBe(true);
    const wrong = [of('ca.pem', 'stranger'), of('ca.pem', null), of('other.pem', 'node')];
    const plain = { servers: [`nats://${server}`] };
    expect(await Promise.all([...wrong, plain].map(isLetIn))).toEqual([false, false, false, false]);
  }, 60_000);

  test('a foreign node that is let in gets no node, no rule and no host, and brings none', async () => {
    const server = await serve('');
    const lists: Record<string, string> = {};
    const start = (name: string, host: number): Promise<RunningMaster> =>
      bench.start({
        ...{ listen: [`127.0.0.${host}`], port: 18_450, onePort: true, stateDir: at(name), relay: null },
        ...{ testJoins: null, fleet: { nats: { servers: [`nats://${server}`] }, node: name } },
        onFact(fact: MasterFact) {
          if (fact.fact === 'fleet-list') lists[name] = fact.nodes.join();
        },
      });
    const ours = await start('ours', 40);
    // One has our secret and not our key, the other our key and not our secret.
    for (const [name, file] of [
      ['secretly', 'fleet.secret'],
      ['openly', 'master.key'],
    ] as const) {
      mkdirSync(at(name));
      copyFileSync(at(`ours/${file}`), at(`${name}/${file}`));
    }
    const foreign = [await start('secretly', 41), await start('openly', 42)];
    mkdirSync(at('friend'));
    for (const file of ['master.key', 'fleet.secret']) copyFileSync(at(`ours/${file}`), at(`friend/${file}`));
    const guest = bench.guest(ours.link);
    guest.command(hostCommand({ name: 'Our harbour' }));
    await guest.until('hosting');
    const theirs = bench.guest((foreign[0] as RunningMaster).link);
    theirs.command(hostCommand({ name: 'Their harbour' }));
    await theirs.until('hosting');
    const token = readFileSync(at('ours/admin.once'), 'utf8').trim();
    await fetch(`${ours.http}/api/v1/admin/bans`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'name', pattern: 'gold*', reason: 'spam' }),
    });
    // Whoever belongs to us hears all of it: so there was time enough.
    const friend = await start('friend', 43);
    const listed = async ({ http }: RunningMaster): Promise<string> => (await fetch(`${http}/api/v1/servers`)).text();
    await eventually('the friend lists our host', async () => (await listed(friend)).includes('Our harbour'));
    const banned = bench.guest(friend.link);
    banned.command(hostCommand({ name: 'Gold' }));
    expect((await banned.until('hosting-failed')).failure).toBe('BANNED');
    expect(await listed(ours)).not.toContain('Their harbour');
    for (const one of foreign) expect(await listed(one)).not.toContain('Our harbour');
    const free = bench.guest((foreign[1] as RunningMaster).link);
    free.command(hostCommand({ name: 'Gold' }));
    await free.until('hosting');
    // A node may hear of hosts before it counts the other one in.
    const whole = { ours: 'friend,ours', friend: 'friend,ours', secretly: 'secretly', openly: 'openly' };
    await expect.poll(() => ({ ...lists })).toEqual(whole);
  }, 90_000);
});
