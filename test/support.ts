/** What tests share: saying loudly why something is skipped, and never skipping where the project promises to have it (CI). */
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'vitest';
import { labAvailability } from '../lab/index.ts';

/** `describe` that runs only where `missing` is null. With CI=true a missing tool is a failure; what the kernel refuses nobody can install. */
export function describeUnless(missing: string | null, name: string, body: () => void): void {
  if (missing === null) {
    describe(name, body);
  } else if (process.env.CI === 'true' && !missing.startsWith('the kernel ')) {
    describe(name, () => {
      test('has what it needs', () => {
        throw new Error(`needed in CI, but ${missing}`);
      });
    });
  } else {
    describe.skip(`${name} [skipped: ${missing}]`, body);
  }
}

export function labMissing(): string | null {
  const availability = labAvailability();
  return availability.ok ? null : availability.reason;
}

/** Is a program of Debian's at hand, also one of the system directories? */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .some((directory) => existsSync(`${directory}/${name}`));
}

/** A VPN of the lab is WireGuard's own program. */
export function vpnMissing(): string | null {
  const there = hasProgram('wireguard-go') && hasProgram('wg');
  return labMissing() ?? (there ? null : 'missing programs: wireguard-go, wg (wireguard-tools)');
}

/** Does this computer speak IPv6, if only with itself? */
export function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
}
