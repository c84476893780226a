import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hiddenFile, serviceUnit, writeServiceUnit } from '../../src/master/index.ts';

const options = {
  command: [process.execPath, '/usr/bin/env'],
  args: ['--listen', '198.51.100.7', '--contact', '100% "real" $name'],
  tls: null,
};

test('the unit quotes what systemd would expand, and calls our exit code after SIGTERM a success', () => {
  const unit = serviceUnit(options);
  expect(unit).toContain(`${process.execPath} /usr/bin/env master --state-dir %S/sallyport --listen 198.51.100.7`);
  expect(unit).toContain('"100%% \\"real\\" $$name"');
  expect(unit).not.toContain('LoadCredential');
  expect(unit).toContain('SuccessExitStatus=143');
  // Whatever ends it, a full disk or a taken port, it is started again for ever.
  expect(unit).toMatch(/\[Unit\][^[]*\nStartLimitIntervalSec=0\n/);
  const secured = serviceUnit({ ...options, tls: { cert: '/etc/ssl/c.pem', key: '/etc/ssl/k.pem' } });
  expect(secured).toContain('LoadCredential=key.pem:/etc/ssl/k.pem');
  expect(secured).toContain('--tls-key %d/key.pem');
});

test.each(['home', 'root', 'run/user'])('what stands in /%s is named, because the service could not see it', (home) => {
  const inside = `/${home}/ana/x`;
  const seen = { ...options, command: ['/usr/bin/node', '/usr/bin/env'], tls: { cert: inside, key: inside } };
  // systemd reads certificates itself.
  expect(hiddenFile(seen)).toBeNull();
  expect(hiddenFile({ ...seen, command: [inside, '/usr/bin/env'] })).toBe(inside);
  expect(hiddenFile({ ...seen, command: ['/usr/bin/node', inside] })).toBe(inside);
  expect(hiddenFile({ ...seen, args: ['--official', inside] })).toBe(inside);
  // PrivateTmp gives the service a folder of its own there.
  for (const folder of ['/tmp/x/main.js', '/var/tmp/sallyport', '/dev/shm/sallyport'])
    expect(hiddenFile({ ...seen, command: ['/usr/bin/node', folder] })).toBe(folder);
});

test.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
  'systemd itself finds nothing wrong with the unit, and calls it well confined',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-unit-'));
    const file = join(folder, 'sallyport-master.service');
    try {
      writeServiceUnit({ ...options, tls: { cert: '/etc/ssl/c.pem', key: '/etc/ssl/k.pem' } }, file);
      const said = execFileSync('systemd-analyze', ['verify', '--man=no', file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(said).toBe('');
      const security = execFileSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' });
      const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(security)?.[1]);
      expect(exposure).toBeLessThan(3);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
