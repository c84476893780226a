// A friend. Run: node examples/join.mjs MASTER_LINK CODE
import { openAgent, SallyportError } from 'sallyport';

const [master, code] = process.argv.slice(2);
const agent = await openAgent({ master });
try {
  const path = await agent.join(code, { timeoutMs: 30_000, onEvent: (event) => console.error(event.ev) });
  path.on('message', async (bytes) => {
    console.log(path.kind, new TextDecoder().decode(bytes));
    await agent.close(); // nothing is left open, so the process ends
  });
  path.send(new TextEncoder().encode('hello'));
} catch (error) {
  if (!(error instanceof SallyportError)) throw error;
  console.error(error.code, error.message, error.hint);
  await agent.close();
  process.exitCode = 1;
}
