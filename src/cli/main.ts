#!/usr/bin/env node
import { runCommandLine } from './run.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
// Everything has been closed, so the process ends by itself. Should anything be left, it must not hold the person up.
setTimeout(() => process.exit(), 1_000).unref();
