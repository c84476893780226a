/** The tables of docs/protocol.md are those of the code. `UPDATE_DOCS=1` writes them anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type Field,
  type Fields,
  layoutOf,
  MESSAGES,
  RELAY_MESSAGES,
  RELAY_REFUSALS,
  relayMessageBytes,
  STRUCTURES,
} from '../../src/core/testing.ts';
import { protocolVectors } from './rendezvous-vectors.ts';

const FILE = new URL('../../docs/protocol.md', import.meta.url);
const [BEGIN, END] = ['<!-- tables -->\n', '<!-- end of tables -->'];

interface Row {
  readonly number: number;
  readonly fields: Fields;
  readonly answer?: string;
  readonly pays?: boolean;
}

type Drawn = Pick<Field<never>, 'parts' | 'words'>;

function tables(): string {
  const { requests, responses, pushes } = MESSAGES;
  const rows = (table: Readonly<Record<string, Row>>): string[] =>
    Object.entries(table).map(([type, { number, fields, answer, pays }]) => {
      const cells = [`${number} ${type}${pays ? ' (1,200)' : ''}`, layoutOf(fields, ', '), answer];
      return `| ${cells.filter((cell) => cell !== undefined).join(' | ')} |`;
    });
  return [
    ...['| request | fields | answered by |', '|---|---|---|', ...rows(requests), ''],
    ...['| response | fields |', '|---|---|', ...rows(responses), ''],
    ...['| push | fields |', '|---|---|', ...rows(pushes), ''],
    ...['| structure | fields |', '|---|---|', ...structures(), ''],
    ...['| with a relay | bytes | fields after `d9` and the type |', '|---|---|---|', ...relayed(), ''],
  ].join('\n');
}

function relayed(): string[] {
  return Object.entries(RELAY_MESSAGES).map(
    ([type, { number, fields }]) =>
      `| ${number} ${type} | ${relayMessageBytes(type as keyof typeof RELAY_MESSAGES)} | ${layoutOf(fields, ', ')} |`,
  );
}

function structures(): string[] {
  const { announcement, entry, permit, profile, relay, relayGrant } = STRUCTURES;
  const fields = (field: Drawn | undefined): string => layoutOf(field?.parts ?? {}, ', ');
  const words = (field: Drawn | undefined): string =>
    `0 to ${(field?.words ?? []).length - 1}: ${field?.words?.join(', ')}`;
  const { addresses } = permit.parts ?? {};
  const { mixture, type, hairpin } = profile.parts ?? {};
  return [
    ['announcement', fields(announcement)],
    ['entry', fields(entry)],
    ['permit', fields(permit)],
    ['permitted', fields(addresses?.item)],
    ['relay', fields(relay)],
    ['relay grant', fields(relayGrant)],
    ['profile', fields(profile)],
    ['allocator', fields(mixture?.item)],
    ['NAT type', words(type)],
    ['tested', words(hairpin)],
  ].map(([name, what]) => `| ${name} | ${what} |`);
}

function split(): readonly [before: string, tables: string, after: string] {
  const text = readFileSync(FILE, 'utf8');
  const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  return [text.slice(0, from), text.slice(from, to), text.slice(to)];
}

if (process.env.UPDATE_DOCS === '1') {
  const [before, , after] = split();
  writeFileSync(FILE, before + tables() + after);
}

test('docs/protocol.md draws the messages that there are', () => {
  expect(split()[1]).toBe(tables());
});

test('no two messages of a direction have one number, and the published vectors have one of each', () => {
  const vectors = protocolVectors();
  for (const direction of ['requests', 'responses', 'pushes'] as const) {
    const table: Readonly<Record<string, Row>> = MESSAGES[direction];
    const numbers = Object.values(table).map(({ number }) => number);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(Object.keys(vectors[direction]).sort()).toEqual(Object.keys(table).sort());
  }
  expect(Object.keys(vectors.relay.datagrams)).toEqual(Object.keys(RELAY_MESSAGES));
  expect(new Set(RELAY_REFUSALS).size).toBe(RELAY_REFUSALS.length);
});
