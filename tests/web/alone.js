/* alone.js - runs tests in a network of their own: nobody else's ports, and an address that is not
 * loopback, which Firefox wants for WebRTC. Where the kernel allows none, they run without. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ADDRESS = '10.77.0.1';
const NETWORK = 'ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && '
    + `ip link set v1 up && ip addr add ${ADDRESS}/24 dev v0 && ip route add default via 10.77.0.2`;
const unshare = (/** @type {string} */ command, /** @type {string[]} */ args) =>
    ['--map-root-user', '--net', 'sh', '-c', `${NETWORK} && exec ${command}`, 'sh', ...args];

const tests = process.argv.slice(2);
const needs = ['../../node_modules/puppeteer-core/package.json', '../../node_modules/axe-core/package.json'];
if (!process.env.LIANGSHI_RELAY || needs.some((n) => !existsSync(new URL(n, import.meta.url)))) {
    console.log('the relay is not built or scripts/build all has not run');
    process.exit(77);
}
const node = ['--test', '--test-concurrency=1', ...tests];
const own = spawnSync('unshare', unshare('true', [])).status === 0;

// Firefox plays nothing with sound where there is no sound device: a sound server that throws away
// what it gets. It answers when it is ready, and goes with its folder's owner.
const folder = mkdtempSync(join(tmpdir(), 'liangshi-sound-'));
const socket = join(folder, 'socket');
const soundEnv = { ...process.env, XDG_RUNTIME_DIR: folder, HOME: folder };
const sound = spawnSync('pulseaudio', ['-n', '--daemonize=yes', '--exit-idle-time=-1',
    '-L', 'module-null-sink', '-L', `module-native-protocol-unix socket=${socket} auth-anonymous=1`],
    { env: soundEnv, stdio: 'ignore' });
if (sound.status === 0)
    process.env.PULSE_SERVER = `unix:${socket}`;
else
    console.log('no sound server (pulseaudio): Firefox will not play recordings');

const run = own
    ? spawnSync('unshare', unshare('"$@"', [process.execPath, ...node]),
        { stdio: 'inherit', env: { ...process.env, LIANGSHI_MEDIA: `${ADDRESS}:0` } })
    : spawnSync(process.execPath, node, { stdio: 'inherit' });
spawnSync('pulseaudio', ['--kill'], { env: soundEnv, stdio: 'ignore' });
rmSync(folder, { recursive: true, force: true });
process.exit(run.status ?? 1);
