/** Rows packed in bytes say what a plain map says, whatever is put and taken, and leave no more waste than content. */
import { describe, expect, test } from 'vitest';
import { type Row, Rows } from '../../src/master/testing.ts';
import { simRandom } from '../../src/sim/index.ts';

const row = (number: number, body: string | null): Row => ({
  number,
  at: 1_700_000_000_000 + number,
  sum: number >>> 0,
  tag: 7,
  body,
});

describe('packed rows', () => {
  test('are those of a plain map, over 20,000 changes of rows of all sizes', () => {
    const random = simRandom('rows');
    const rows = new Rows();
    const plain = new Map<string, Row>();
    for (let n = 0; n < 20_000; n++) {
      const key = `schlüssel ${random.int(0, 400)}`;
      if (random.int(0, 3) === 0) {
        rows.delete(key);
        plain.delete(key);
      } else {
        const length = random.int(0, 60) === 0 ? random.int(0, 70_000) : random.int(0, 400);
        const put = row(n, random.int(0, 9) === 0 ? null : 'ü'.repeat(length));
        rows.put(key, put);
        plain.delete(key);
        plain.set(key, put);
      }
      if (n % 700 === 0) {
        rows.letGo((one) => one.endsWith('7'));
        for (const [one, kept] of plain) if (!one.endsWith('7')) plain.set(one, { ...kept, body: null });
      }
      if (n % 30 === 0) {
        rows.tag(key, n);
        const tagged = plain.get(key);
        if (tagged !== undefined) plain.set(key, { ...tagged, tag: n });
      }
      if (n % 500 === 0) expect(rows.all()).toEqual([...plain].map(([name, kept]) => ({ key: name, ...kept })));
    }
    for (const [key, kept] of plain) expect(rows.get(key)).toEqual(kept);
    expect(rows.size).toBe(plain.size);
    expect(rows.get('nobody')).toBeNull();
  });

  test('written over and over take no more than twice their content', () => {
    const rows = new Rows();
    const before = process.memoryUsage().arrayBuffers;
    // 500 MB in all, 2 MB of it at a time.
    for (let n = 0; n < 500_000; n++) rows.put(`key ${n % 2_000}`, row(n, 'x'.repeat(500 + ((n * 7) % 500))));
    expect(rows.bytes).toBeLessThan(2 * 2_000 * 1_100 + 200_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
  });
});
