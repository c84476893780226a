/** `--install-service`: a systemd unit that runs the masterserver with next to no rights, written for the options given. */
import { writeFileSync } from 'node:fs';

export interface ServiceOptions {
  /** What starts sallyport, by whole paths: the executable, or node and the script. */
  readonly command: readonly string[];
  /** The options of `sallyport master` as given, without `--install-service` and `--state-dir`. */
  readonly args: readonly string[];
  /** Certificate files: read by systemd as root, seen by the service only. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

export const SERVICE_FILE = '/etc/systemd/system/sallyport-master.service';

export function serviceUnit({ command, args, tls }: ServiceOptions): string {
  const credentials =
    tls === null
      ? []
      : [`LoadCredential=cert.pem:${specifier(tls.cert)}`, `LoadCredential=key.pem:${specifier(tls.key)}`];
  const tlsArgs = tls === null ? [] : ['--tls-cert', '%d/cert.pem', '--tls-key', '%d/key.pem'];
  const start = [...command, 'master', '--state-dir', '%S/sallyport', ...args].map(quote);
  return `[Unit]
Description=sallyport masterserver
After=network-online.target
Wants=network-online.target
# It is started again for ever: what ended it five times, a full disk or a taken port, may be mended the sixth time.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${[...start, ...tlsArgs].join(' ')}
Restart=always
RestartSec=1
# Hosts are told to go elsewhere first; after this the rest is cut.
TimeoutStopSec=45
KillSignal=SIGTERM
# 128 + SIGTERM, after the goodbyes: an orderly end, not a failed unit.
SuccessExitStatus=143
DynamicUser=yes
StateDirectory=sallyport
StateDirectoryMode=0700
UMask=0077
${credentials.join('\n')}${credentials.length > 0 ? '\n' : ''}LimitNOFILE=65536
# Ports below 1024 for --http 0.0.0.0:443; nothing else of root's.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
`;
}

/**
 * What `ProtectHome` and `PrivateTmp` would hide from the service: a Node of nvm, a checkout in /home or /tmp, a folder named in an option.
 */
export function hiddenFile({ command, args }: ServiceOptions): string | null {
  return (
    [...command, ...args].find((word) => /^(--[a-z-]+=)?\/(home|root|run\/user|tmp|var\/tmp|dev\/shm)\//.test(word)) ??
    null
  );
}

export function writeServiceUnit(options: ServiceOptions, file = SERVICE_FILE): void {
  writeFileSync(file, serviceUnit(options), { mode: 0o644 });
}

/** systemd expands `%` and `$` and splits at blanks; our own `%S` and `%d` stay. */
function quote(word: string): string {
  if (word === '%S/sallyport') return word;
  const escaped = specifier(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

function specifier(text: string): string {
  return text.replaceAll('%', '%%');
}
