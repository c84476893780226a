/** The version of the package, read once: from the compiled file and from the source the same walk upwards finds it. */
import { readFileSync } from 'node:fs';

function readVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const document = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (document.name === 'sallyport' && document.version !== undefined) return document.version;
    } catch {
      // Not there: the next place.
    }
  }
  return '0.0.0';
}

export const VERSION = readVersion();
