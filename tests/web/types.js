/* types.js - checks the JSDoc types of the pages' modules with tsc. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
if (!existsSync(tsc)) {
    console.log('typescript is not installed: scripts/build all');
    process.exit(77);
}
const config = fileURLToPath(new URL('tsconfig.json', import.meta.url));
const run = spawnSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
process.exit(run.status ?? 1);
