/* The tab "Live": sends the microphone's sound, shows the pictures that come back when the delayed sound has reached
   their moment. Messages are described in talker/web/live_socket.py. */
window.talkerLive = (() => {
  const CHUNK_S = 0.04, START_DELAY_S = 0.45, MOST_DELAY_S = 1.5, SLACK_S = 0.03
  const WORKLET = `registerProcessor('talker-chunks', class extends AudioWorkletProcessor {
    constructor() { super(); this.size = Math.round(sampleRate * ${CHUNK_S}); this.chunk = new Int16Array(this.size); this.filled = 0 }
    process([[channel]]) {
      for (const value of channel || new Float32Array(128)) {
        this.chunk[this.filled++] = Math.max(-1, Math.min(1, value)) * 32767
        if (this.filled === this.size) {
          const end = currentTime + 128 / sampleRate
          this.port.postMessage({ chunk: this.chunk.buffer, end }, [this.chunk.buffer])
          this.chunk = new Int16Array(this.size); this.filled = 0
        }
      }
      return true
    }
  })`
  let now = null  // what is going on: socket, context, stream, nodes, pictures that wait, and figures

  const say = text => { const place = document.getElementById('live-said'); if (place) place.textContent = text }

  async function start(word, loud) {
    stop()
    if (!navigator.mediaDevices) return say('The browser gives the microphone only to pages at localhost or with https.')
    const talk = now = { pictures: [], began: null, delay: START_DELAY_S, delays: [], shown: 0 }
    try {
      talk.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true }
      })
    } catch (error) { stop(); return say(`No microphone: ${error.message}`) }
    talk.context = new AudioContext({ latencyHint: 'interactive' })
    await talk.context.audioWorklet.addModule(URL.createObjectURL(new Blob([WORKLET], { type: 'text/javascript' })))
    const microphone = talk.context.createMediaStreamSource(talk.stream)
    const chunks = new AudioWorkletNode(talk.context, 'talker-chunks', { numberOfOutputs: 0 })
    talk.held = talk.context.createDelay(2)
    talk.held.delayTime.value = talk.delay
    talk.gain = talk.context.createGain()
    talk.gain.gain.value = loud ? 1 : 0
    microphone.connect(talk.held).connect(talk.gain).connect(talk.context.destination)
    const root = (window.gradio_config?.root || '').replace(/\/$/, '')
    const base = (root && new URL(root, location.href).host === location.host ? new URL(root, location.href).pathname : '').replace(/\/$/, '')
    const address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${base}/live`
    talk.socket = new WebSocket(`${address}?ticket=${encodeURIComponent(word)}&rate=${talk.context.sampleRate}`)
    talk.socket.binaryType = 'arraybuffer'
    talk.socket.onopen = () => {
      say('Speak: the face follows.')
      chunks.port.onmessage = ({ data }) => {
        if (talk.began === null) talk.began = data.end - CHUNK_S
        if (talk.socket.readyState === 1 && talk.socket.bufferedAmount < 65536) talk.socket.send(data.chunk)
      }
      microphone.connect(chunks)
    }
    talk.socket.onmessage = message => receive(talk, message.data)
    talk.socket.onclose = () => { if (now === talk) stop() }
    requestAnimationFrame(() => draw(talk))
  }

  async function receive(talk, data) {
    if (typeof data === 'string') return say(JSON.parse(data).error)
    const moment = new DataView(data).getFloat64(0, true)
    const behind = talk.context.currentTime - (talk.began + moment)  // from the sound's moment until its picture is here
    talk.delays.push(behind)
    if (talk.delays.length > 500) talk.delays.shift()
    if (behind + SLACK_S > talk.delay) talk.delay = Math.min(behind + SLACK_S, MOST_DELAY_S)  // sound and picture wait
    else talk.delay = Math.max(talk.delay - 0.0005, START_DELAY_S)
    talk.held.delayTime.setTargetAtTime(talk.delay, talk.context.currentTime, 0.05)
    talk.pictures.push({ moment, picture: await createImageBitmap(new Blob([data.slice(8)], { type: 'image/jpeg' })) })
  }

  function draw(talk) {
    if (now !== talk) return
    let due = null
    while (talk.pictures.length && talk.began + talk.pictures[0].moment + talk.delay <= talk.context.currentTime) {
      due?.picture.close()
      due = talk.pictures.shift()
    }
    const canvas = document.getElementById('live-face')
    if (due && canvas) {
      if (canvas.width !== due.picture.width) { canvas.width = due.picture.width; canvas.height = due.picture.height }
      canvas.getContext('2d').drawImage(due.picture, 0, 0)
      due.picture.close()
      talk.shown++
    }
    requestAnimationFrame(() => draw(talk))
  }

  function stop() {
    const talk = now
    now = null
    if (!talk) return
    talk.socket?.close()
    talk.stream?.getTracks().forEach(track => track.stop())
    talk.context?.close()
  }

  return {
    start, stop,
    feel: (emotion, strength) => { if (now?.socket?.readyState === 1) now.socket.send(JSON.stringify({ emotion, strength })) },
    hear: loud => { if (now?.gain) now.gain.gain.value = loud ? 1 : 0 },
    figures: () => now && { shown: now.shown, delays: [...now.delays], delay: now.delay },
  }
})()
