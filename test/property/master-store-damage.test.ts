/**
 * Real SQLite files, damaged in every way a disk, a copy or a person damages files, opened again by the real store. What was
 * told and is not there any more must be said; what is there must be what was told.
 */
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStore, type Store } from '../../src/master/index.ts';
import { openRecordFile } from '../../src/master/testing.ts';
import { simRandom } from '../../src/sim/index.ts';

const ROUNDS = Number(process.env.SALLYPORT_STORE_ROUNDS ?? 1);
const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sallyport-damage-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const BANS = 50;
const CODES = 300;
const TRAVERSALS = 200;
const ban = { kind: 'cidr', label: '', scope: 'ban', createdAt: 1, expiresAt: null } as const;
const sums = { family: 4, path: 'direct', result: 'path', elapsedMs: 10, attempts: 1 } as const;

/** A master that was killed: bans, the admin's token and codes checkpointed, a day of traversals in the log. */
const killed = join(root, 'killed');
beforeAll(() => {
  const folder = join(root, 'running');
  mkdirSync(folder);
  const store = openIn(folder, []);
  store.setSetting('admin-token-hash', 'f'.repeat(64));
  for (let i = 0; i < CODES; i += 1) store.saveCode(i, { code: `C${i}`, hostKey: new Uint8Array(32).fill(i) });
  for (let i = 0; i < BANS; i += 1) {
    // Some rows are longer than a page.
    const reason = (i % 10 === 0 ? 'long ' : 'x').repeat(1_000);
    store.addBan({ ...ban, pattern: `192.0.2.${i}`, reason });
  }
  for (let i = 0; i < TRAVERSALS; i += 1) store.recordTraversal(i, { ...sums, clientNat: `n${i}`, hostNat: 'h' });
  copyFolder(folder, killed);
  store.close();
});

interface Damage {
  readonly name: string;
  /** Changes files in the folder; false where there is nothing to do. */
  readonly act: (folder: string) => void;
}

function openIn(folder: string, said: string[]): Store {
  const file = openRecordFile({ file: join(folder, 'master.db') });
  return createStore({ file, wallClock: Date.now, clock: Date.now, onProblem: (problem) => said.push(problem) });
}

function copyFolder(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(to, name));
}

/** What the store has of what was told, by the words in which its loss would be said. */
function holdings(store: Store): Record<string, number> {
  const reasons = store
    .bans()
    .filter(({ pattern, reason }) => pattern.startsWith('192.0.2.') && reason.length >= 1_000);
  const keys = store
    .codes()
    .filter(({ code, hostKey }) => hostKey.every((byte) => byte === Number(code.slice(1)) % 256));
  return {
    'bans?': new Set(reasons.map(({ pattern }) => pattern)).size,
    'join codes?': new Set(keys.map(({ code }) => code)).size,
    'sums? of traversals': store.traversals(0).filter(({ count }) => count === 1).length,
    'settings?': store.setting('admin-token-hash') === 'f'.repeat(64) ? 1 : 0,
  };
}
const ALL = { 'bans?': BANS, 'join codes?': CODES, 'sums? of traversals': TRAVERSALS, 'settings?': 1 };

/** Lost rows are named by kind, or the store says that nobody can tell. */
function check(damage: Damage): { readonly lost: number; readonly said: string } {
  const folder = mkdtempSync(join(root, 'case-'));
  rmSync(folder, { recursive: true });
  copyFolder(killed, folder);
  damage.act(folder);
  const said: string[] = [];
  const store = openIn(folder, said);
  const text = said.join('\n');
  const have = holdings(store);
  let lost = 0;
  for (const [noun, count] of Object.entries(ALL)) {
    const missing = count - (have[noun] ?? 0);
    expect(missing, `${damage.name}: ${noun} invented`).toBeGreaterThanOrEqual(0);
    lost += missing;
    if (missing > 0) expect(text, damage.name).toMatch(new RegExp(`${noun}|nobody can tell|may be missing`));
  }
  // Mended, it works on, and the next start has nothing more to say.
  store.addBan({ ...ban, pattern: 'after', reason: '' });
  expect(store.unwritten(), damage.name).toBeNull();
  store.close();
  const again: string[] = [];
  const reopened = openIn(folder, again);
  expect(again, damage.name).toEqual([]);
  expect(holdings(reopened), damage.name).toEqual(have);
  reopened.close();
  rmSync(folder, { recursive: true });
  return { lost, said: text };
}

function edit(name: string, change: (bytes: Buffer) => Buffer) {
  return (folder: string): void => {
    const path = join(folder, name);
    writeFileSync(path, change(readFileSync(path)));
  };
}

const bytesOf = (name: string): Buffer => readFileSync(join(killed, name));

test('a log that is gone, cut or damaged anywhere loses no ban, key or code, and whatever is lost is said', () => {
  const size = bytesOf('master.db-wal').length;
  const random = simRandom('wal');
  const cuts = Array.from({ length: 20 * ROUNDS }, () => random.int(0, size - 1));
  const flips = Array.from({ length: 40 * ROUNDS }, () => [random.int(0, size - 1), random.int(0, 7)] as const);
  const damages: Damage[] = [
    { name: 'no log', act: (folder) => rmSync(join(folder, 'master.db-wal')) },
    ...cuts.map((at) => ({ name: `log cut at ${at}`, act: edit('master.db-wal', (bytes) => bytes.subarray(0, at)) })),
    ...flips.map(([at, bit]) => ({ name: `log bit ${at}.${bit}`, act: edit('master.db-wal', flip(at, bit)) })),
  ];
  let losing = 0;
  for (const damage of damages) {
    const { lost, said } = check(damage);
    expect(said, damage.name).not.toMatch(/bans can't|settings? .* can't|codes can't/);
    if (lost > 0) losing += 1;
    // What stands behind a break is found as well: a flipped bit costs at most the page it stands in.
    if (damage.name.startsWith('log bit')) expect(lost, damage.name).toBeLessThanOrEqual(60);
  }
  // Cuts lose something.
  expect(losing).toBeGreaterThan(10);
});

test('a flipped bit in any region of any page is noticed where it matters, and costs a row or a page at most', () => {
  const main = bytesOf('master.db');
  const random = simRandom('pages');
  let noticed = 0;
  for (let round = 0; round < ROUNDS; round += 1)
    for (let page = 0; page < main.length; page += 4096)
      for (const [from, to] of [
        [0, 7],
        [8, 100],
        [101, 2_000],
        [2_001, 4_095],
      ] as const) {
        const [at, bit] = [page + random.int(from, to), random.int(0, 7)];
        const { lost, said } = check({ name: `page bit ${at}.${bit}`, act: edit('master.db', flip(at, bit)) });
        expect(lost).toBeLessThanOrEqual(60);
        if (said !== '') noticed += 1;
      }
  expect(noticed).toBeGreaterThan((main.length / 4096) * ROUNDS);
});

test('whole pages of zeros or noise, and files cut short, cost what stood there and no more', () => {
  const main = bytesOf('master.db');
  const random = simRandom('cuts');
  for (let page = 0; page < main.length; page += 4096) {
    const zeros = edit('master.db', (bytes) => bytes.fill(0, page, page + 4096));
    expect(check({ name: `zeros at ${page}`, act: zeros }).lost).toBeLessThanOrEqual(60);
    const noise = Buffer.from(Array.from({ length: 4096 }, () => random.int(0, 255)));
    const scribble = edit('master.db', (bytes) =>
      Buffer.concat([bytes.subarray(0, page), noise, bytes.subarray(page + 4096)]),
    );
    check({ name: `noise at ${page}`, act: scribble });
  }
  for (let round = 0; round < 10 * ROUNDS; round += 1) {
    const at = random.int(0, main.length - 1);
    check({ name: `cut at ${at}`, act: edit('master.db', (bytes) => bytes.subarray(0, at)) });
  }
});

test('any file may be missing, any two as well, and the mark may be damaged: it is said', () => {
  const names = ['master.db', 'master.db-wal', 'master.db-mark'];
  for (const gone of [
    names.slice(0, 1),
    names.slice(2),
    names.slice(0, 2),
    names.slice(1),
    [names[0] ?? '', names[2] ?? ''],
  ]) {
    const { said } = check({
      name: `without ${gone.join(', ')}`,
      act: (folder) => gone.forEach((name) => void rmSync(join(folder, name), { force: true })),
    });
    expect(said).not.toBe('');
  }
  const random = simRandom('mark');
  for (let round = 0; round < 20 * ROUNDS; round += 1) {
    const at = random.int(0, bytesOf('master.db-mark').length - 1);
    check({ name: `mark bit ${at}`, act: edit('master.db-mark', flip(at, random.int(0, 7))) });
  }
});

test('a log whose parts are swapped, doubled, moved, of another time or of another store costs none of the critical rows', () => {
  const frame = 24 + 4096;
  const log = bytesOf('master.db-wal');
  const frames = Math.floor((log.length - 32) / frame);
  const random = simRandom('log parts');
  const piece = (n: number): Buffer => log.subarray(32 + n * frame, 32 + (n + 1) * frame);
  const damages: Damage[] = [
    { name: 'log twice', act: edit('master.db-wal', (bytes) => Buffer.concat([bytes, bytes])) },
    { name: 'log without header', act: edit('master.db-wal', (bytes) => bytes.subarray(32)) },
    { name: 'log header of zeros', act: edit('master.db-wal', (bytes) => bytes.fill(0, 0, 32)) },
    { name: 'log all zeros', act: edit('master.db-wal', (bytes) => bytes.fill(0)) },
    { name: 'log empty', act: edit('master.db-wal', (bytes) => bytes.subarray(0, 0)) },
    {
      name: 'log of noise',
      act: edit('master.db-wal', (bytes) => Buffer.from(bytes.map(() => random.int(0, 255)))),
    },
    { name: 'log is the main file', act: edit('master.db-wal', () => bytesOf('master.db')) },
    {
      name: 'log with a tail of noise',
      act: edit('master.db-wal', (bytes) => Buffer.concat([bytes, randomBytes(9_000)])),
    },
  ];
  for (let round = 0; round < 4 * ROUNDS; round += 1) {
    const [one, other] = [random.int(0, frames - 1), random.int(0, frames - 1)];
    const at = random.int(0, log.length - 1);
    damages.push(
      {
        name: `log frames ${one} and ${other} swapped`,
        act: edit('master.db-wal', (bytes) => {
          const [a, b] = [Buffer.from(piece(one)), Buffer.from(piece(other))];
          b.copy(bytes, 32 + one * frame);
          a.copy(bytes, 32 + other * frame);
          return bytes;
        }),
      },
      {
        name: `log without frame ${one}`,
        act: edit('master.db-wal', (bytes) =>
          Buffer.concat([bytes.subarray(0, 32 + one * frame), bytes.subarray(32 + (one + 1) * frame)]),
        ),
      },
      {
        name: `log with frame ${one} twice`,
        act: edit('master.db-wal', (bytes) =>
          Buffer.concat([
            bytes.subarray(0, 32 + (one + 1) * frame),
            piece(one),
            bytes.subarray(32 + (one + 1) * frame),
          ]),
        ),
      },
      { name: `log hole at ${at}`, act: edit('master.db-wal', (bytes) => bytes.fill(0, at, at + 20_000)) },
      { name: `log without its first ${at}`, act: edit('master.db-wal', (bytes) => bytes.subarray(at)) },
      {
        name: `log moved by one at ${at}`,
        act: edit('master.db-wal', (bytes) =>
          Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1), bytes.subarray(at)]),
        ),
      },
    );
  }
  for (const damage of damages) {
    const { said } = check(damage);
    expect(said, damage.name).not.toMatch(/bans can't|settings? .* can't|codes can't/);
  }
});

test('pages swapped, doubled, moved by a byte, sectors of zeros and several damages at once cost what stood there, and it is said', () => {
  const main = bytesOf('master.db');
  const pages = main.length / 4096;
  const random = simRandom('page parts');
  const any = (): number => random.int(0, pages - 1);
  for (let round = 0; round < 5 * ROUNDS; round += 1) {
    const [one, other, sector] = [any(), any(), random.int(0, main.length / 512 - 1)];
    const at = random.int(0, main.length - 1);
    const several = Array.from(
      { length: random.int(2, 12) },
      () => [random.int(0, main.length - 1), random.int(0, 7)] as const,
    );
    const damages: Damage[] = [
      {
        name: `page ${other} over ${one}`,
        act: edit('master.db', (bytes) => {
          main.copy(bytes, one * 4096, other * 4096, (other + 1) * 4096);
          return bytes;
        }),
      },
      {
        name: `pages ${one} and ${other} swapped`,
        act: edit('master.db', (bytes) => {
          main.copy(bytes, one * 4096, other * 4096, (other + 1) * 4096);
          main.copy(bytes, other * 4096, one * 4096, (one + 1) * 4096);
          return bytes;
        }),
      },
      {
        name: `sector ${sector} of zeros`,
        act: edit('master.db', (bytes) => bytes.fill(0, sector * 512, (sector + 1) * 512)),
      },
      {
        name: `moved by one at ${at}`,
        act: edit('master.db', (bytes) => Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1), bytes.subarray(at)])),
      },
      {
        name: `without page ${one}`,
        act: edit('master.db', (bytes) =>
          Buffer.concat([bytes.subarray(0, one * 4096), bytes.subarray((one + 1) * 4096)]),
        ),
      },
      {
        name: `several bits ${JSON.stringify(several)}`,
        act: edit('master.db', (bytes) => several.reduce((all, [where, bit]) => flip(where, bit)(all), bytes)),
      },
      {
        name: `page ${one} and log and mark damaged`,
        act: (folder) => {
          edit('master.db', (bytes) => bytes.fill(255, one * 4096, (one + 1) * 4096))(folder);
          edit('master.db-wal', flip(at % bytesOf('master.db-wal').length, 3))(folder);
          edit('master.db-mark', flip(at % bytesOf('master.db-mark').length, 3))(folder);
        },
      },
      {
        name: `a rebuilt file of noise`,
        act: (folder) => writeFileSync(join(folder, 'master.db.rebuilt'), randomBytes(at)),
      },
    ];
    for (const damage of damages) check(damage);
  }
});

function flip(at: number, bit: number) {
  return (bytes: Buffer): Buffer => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    return bytes;
  };
}
