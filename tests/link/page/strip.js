/* strip.js - the time of day burnt into a picture and read back: the strip of client/timecode.c. */

const COLS = 32;
const SYNC = 0xb2;
const CONTRAST = 40;

/** How high one of the two rows is. */
const rowHeight = (/** @type {number} */ height) => Math.floor((height + 23) / 24);

/** @param {number[]} bytes */
function checkSum(bytes) {
    let crc = 0xff;
    for (const b of bytes) {
        crc ^= b;
        for (let i = 0; i < 8; i++)
            crc = (crc << 1 ^ (crc & 0x80 ? 0x07 : 0)) & 0xff;
    }
    return crc;
}

/** The blocks from the upper left to the lower right: where each is, and in which bit of which byte. */
function* blocks(/** @type {number} */ width, /** @type {number} */ height) {
    const tall = rowHeight(height);
    for (let i = 0; i < 2 * COLS; i++) {
        const col = i % COLS;
        const x = Math.floor(width * col / COLS);
        yield { x, y: height - tall * (i < COLS ? 2 : 1), w: Math.floor(width * (col + 1) / COLS) - x, tall,
            byte: i >> 3, mask: 0x80 >> i % 8 };
    }
}

/** @param {OffscreenCanvasRenderingContext2D} g @param {number} width @param {number} height @param {number} ms */
export function draw(g, width, height, ms) {
    const time = [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(ms / 2 ** shift) & 0xff);
    const bytes = [SYNC, ...time, checkSum(time)];
    for (const b of blocks(width, height)) {
        g.fillStyle = (bytes[b.byte] ?? 0) & b.mask ? '#fff' : '#000';
        g.fillRect(b.x, b.y, b.w, b.tall);
    }
}

/** Mean of a block's green, away from its edges. @param {ImageData} image */
function mean(image, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w, /** @type {number} */ tall) {
    const dx = Math.floor(w / 3);
    const dy = Math.floor(tall / 3);
    let sum = 0;
    let n = 0;
    for (let j = y + dy; j < y + tall - dy; j++)
        for (let i = x + dx; i < x + w - dx; i++, n++)
            sum += image.data[4 * (j * image.width + i) + 1] ?? 0;
    return n ? sum / n : 128;
}

const looker = new OffscreenCanvas(1, 1);
const glass = /** @type {OffscreenCanvasRenderingContext2D} */ (looker.getContext('2d', { willReadFrequently: true }));

/** Milliseconds since 1970 that the picture on the screen says; null: it cannot be read with certainty.
 * @param {HTMLVideoElement} video */
export function read(video) {
    const { videoWidth: width, videoHeight: height } = video;
    const tall = 2 * rowHeight(height);
    if (looker.width !== width || looker.height !== tall)
        Object.assign(looker, { width, height: tall });
    glass.drawImage(video, 0, height - tall, width, tall, 0, 0, width, tall);
    const image = glass.getImageData(0, 0, width, tall);
    const bytes = new Array(8).fill(0);
    for (const b of blocks(width, height)) {
        const light = mean(image, b.x, b.y - (height - tall), b.w, b.tall);
        if (Math.abs(light - 128) < CONTRAST)
            return null;
        if (light > 128)
            bytes[b.byte] |= b.mask;
    }
    const time = bytes.slice(1, 7);
    return bytes[0] === SYNC && bytes[7] === checkSum(time) ? time.reduce((ms, b) => ms * 256 + b, 0) : null;
}
