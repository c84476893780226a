/** Manifests for other package managers and for containers, filled with the sums of what was just built. */

export interface Release {
  readonly version: string;
  readonly date: string;
  /** Lower-case hexadecimal SHA-256, by file name. */
  readonly sums: ReadonlyMap<string, string>;
}

/** Where the files will be: the one thing that only whoever publishes them knows. */
const AT = 'https://downloads.example.org/sallyport';

function sumOf({ sums }: Release, name: string): string {
  const sum = sums.get(name);
  if (sum === undefined) throw new Error(`${name} was not built.`);
  return sum;
}

/** https://docs.brew.sh/Formula-Cookbook */
export function homebrew(release: Release): string {
  const { version } = release;
  const one = (system: string): string => {
    const name = `sallyport-${version}-${system}.tar.xz`;
    return `      url "${AT}/${name}"\n      sha256 "${sumOf(release, name)}"`;
  };
  return `# Replace the address by that of your downloads.
class Sallyport < Formula
  desc "Direct, encrypted path between two people behind any two NATs"
  homepage "https://example.org/"
  version "${version}"
  license "MIT"

  on_macos do
    on_arm do
${one('darwin-arm64')}
    end
    on_intel do
${one('darwin-x64')}
    end
  end

  on_linux do
    on_arm do
${one('linux-arm64')}
    end
    on_intel do
${one('linux-x64')}
    end
  end

  def install
    libexec.install Dir["*"]
    bin.install_symlink libexec/"sallyport"
    man1.install_symlink libexec/"sallyport.1"
    bash_completion.install_symlink libexec/"completions/sallyport.bash" => "sallyport"
    zsh_completion.install_symlink libexec/"completions/_sallyport"
    fish_completion.install_symlink libexec/"completions/sallyport.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/sallyport --version")
  end
end
`;
}

/** The three files of https://learn.microsoft.com/en-us/windows/package-manager/package/manifest, by name. */
export function winget(release: Release): Readonly<Record<string, string>> {
  const { version, date } = release;
  const id = 'Sallyport.Sallyport';
  const name = `sallyport-${version}-win-x64.zip`;
  const head = (kind: string): string =>
    `# Replace the address by that of your downloads.\nPackageIdentifier: ${id}\nPackageVersion: ${version}\nManifestType: ${kind}\nManifestVersion: 1.6.0\n`;
  return {
    [`${id}.yaml`]: `${head('version')}DefaultLocale: en-US\n`,
    [`${id}.locale.en-US.yaml`]: `${head('defaultLocale')}PackageLocale: en-US
Publisher: sallyport
PackageName: sallyport
License: MIT
ShortDescription: A direct, encrypted path between two people behind any two NATs.
Moniker: sallyport
`,
    [`${id}.installer.yaml`]: `${head('installer')}ReleaseDate: ${date}
InstallerType: zip
NestedInstallerType: portable
NestedInstallerFiles:
  - RelativeFilePath: sallyport.exe
    PortableCommandAlias: sallyport
Installers:
  - Architecture: x64
    InstallerUrl: ${AT}/${name}
    InstallerSha256: ${sumOf(release, name).toUpperCase()}
`,
  };
}

/** Needs no build step and nothing of npm: the executable beside it is all there is. */
export function dockerfile({ version }: Release): string {
  return `# The masterserver in a container, from the executable beside this file:
#   docker build --build-arg TARGETARCH=x64 -t sallyport . && docker run --network host -v sallyport:/var/lib/sallyport sallyport
# With a bridge every packet seems to come from the bridge, and addresses are all that a masterserver is about.
FROM debian:bookworm-slim
ARG TARGETARCH=x64
COPY --chmod=755 sallyport-${version}-linux-\${TARGETARCH} /usr/bin/sallyport
RUN useradd --system --home-dir /var/lib/sallyport --create-home sallyport
USER sallyport
VOLUME /var/lib/sallyport
EXPOSE 8430-8455/udp 8420/tcp
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/sallyport", "master", "--state-dir", "/var/lib/sallyport"]
CMD ["--http", "0.0.0.0:8420"]
`;
}
