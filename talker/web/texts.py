"""Every sentence of the page, in one place."""

from talker.options import RENDERERS as RENDERER_NAMES

TITLE = "Talker"
TAGLINE = "One picture, a few words and a feeling become a talking face."
TABS = {
    "talk": "Talk",
    "edit": "Edit a video",
    "compare": "Compare",
    "live": "Live",
    "batch": "Batch",
    "about": "About",
}

# Examples
EXAMPLES = "Try one"
EXAMPLES_HINT = "A click fills the page and plays the video."

# 1 Portrait
PORTRAIT = "Portrait"
WANTED = "One face, looking roughly at the camera; the larger, the better."
FOUND = "Found a face, {width} px wide."
FOUND_SEVERAL = "Found {faces} faces: click the one that shall talk."
ANOTHER = "Choose another picture"
PICTURE_FIRST = "Please choose a portrait first, or click an example."
PREVIEW_CONSENT = "Tick the box above the button to see the feeling on this face: nobody's is animated without it."
TOO_LONG = "This took longer than the {minutes:.0f} minutes that a request may take here. Please choose a smaller size."
WOULD_TAKE = (
    "This would take about {wanted:.0f} minutes; {minutes:.0f} are allowed here. Please choose a smaller size, \
or fewer words."
)
CONSENT_FIRST = "Please confirm that you may animate this face: tick the box above the button."

# 2 Words
WORDS = "Words"
TYPE, RECORD = "Type", "Upload or record"
WORDS_PLACEHOLDER = "What shall the person say? (in the voice's language)"
WORDS_HINT = "The feeling can change on the way: [happy] We won! [sad:0.6] But it is over."
VOICE = "Voice"
LISTEN = "▶ Listen"
VOICE_HINT = "Or mix two: heart=.7,george=.3. The first film with a voice that is not small fetches 65 MB."
VOICE_SPEED = "Speed of the voice"
PLAIN_VOICE = "Leave the typed words' voice without the feeling"
VOICE_SAMPLES = {  # what a voice says when somebody wants to hear it, by language
    "en": "Hello, this is how I sound.", "es": "Hola, así sueno yo.", "fr": "Bonjour, voici ma voix.",
    "hi": "नमस्ते, मेरी आवाज़ ऐसी है।", "it": "Ciao, questa è la mia voce.", "ja": "こんにちは、これが私の声です。",
    "pt": "Olá, esta é a minha voz.", "zh": "你好，这是我的声音。",
}  # fmt: skip
SPEECH = "Speech"
WORDS_FIRST = "Please write what to say, or upload a recording."

# 3 Emotion
FEELING = "Feeling"
SOURCE = "Where the feeling comes from"
SOURCES = {
    "label": "Pick one", "text": "Describe", "map": "Map", "mix": "Mix", "timeline": "Over time",
    "speech": "From speech", "picture": "From a face", "voice": "From a voice", "video": "From a video",
}  # fmt: skip
EMOTION = "Emotion"
EMOTIONS = {
    "neutral": "Neutral", "happy": "Happy", "sad": "Sad", "angry": "Angry", "surprised": "Surprised", "fear": "Afraid",
    "disgusted": "Disgusted", "contempt": "Scornful",
}  # fmt: skip
STRENGTH = "Strength"
READS_FACE = "The feeling is read from how a face looks. Use pictures of people who agreed to it."
READS_VOICE = "The feeling is read from how a voice sounds. Use recordings of people who agreed to it."
READS_SPEECH = "The face follows what the speech itself sounds like, moment by moment. Best with a real recording."
DESCRIBE = "Describe the feeling"
DESCRIBE_PLACEHOLDER = "slightly nervous but happy; starts calm, ends in tears; 🙄"
FACE_WITH_IT = "A face that shows the feeling"
VOICE_WITH_IT = "A voice that has it"
VIDEO_WITH_IT = "A video of a face that shows it"
SHARES = "As text"
TIMELINE = "Each row lasts until the next"
TIMELINE_HEAD = ("from second", "feeling", "strength")
TIMELINE_ROW = "Row {row} of the table needs a second to start at and a strength."
MAP = "Click anywhere: the face takes on the feelings that lie there."
MAP_AXES = {"left": "unpleasant", "right": "pleasant", "top": "excited", "bottom": "calm"}
MAP_LABEL = "Map of feelings. Arrow keys move the point."

# Settings
LIVELINESS = "Liveliness"
LIFE = {
    "head": "Head motion", "blinks": "Blinks", "gaze": "Wandering eyes", "brows": "Brows stress words",
    "mouth": "Lip motion", "articulation": "Clear sounds", "pace": "Pace of head, eyes and lids",
}  # fmt: skip
STILL = "Keep the head still"
MORE = "Size and more"
SIZE = "Size of the video"
SIZES = {
    "native": "The whole picture", "crop256": "Head and shoulders, 256 px", "crop512": "Head and shoulders, 512 px",
    "crop1024": "Head and shoulders, 1024 px",
}  # fmt: skip
FPS = "Frames per second"
WRINKLES = "Folds and wrinkles"
RENDERER = "What draws the face"
RENDERERS = {
    "auto": "Automatic", "geometry": "Geometry (the fastest)", "generator": "Geometry, its mouth refined by a network",
    "generator-all": "The same, learnt from more faces (research only)",
    "liveportrait": "LivePortrait (research only, slow without a GPU)",
}  # fmt: skip
RENDERER_CHOICES = [(RENDERERS.get(name, name.capitalize()), name) for name in RENDERER_NAMES]
CONVERTER = "What turns speech into lips"
LIP_MODELS = {"linear": "The linear regressor"}
COVERED = "Something covers the mouth: please take a picture that shows it, or choose to go on in the settings."
ALLOW_COVERED = "Go on when something covers the mouth (it stays shut)"
PERMISSIVE = "Only weights that allow commercial use"
FACE_INDEX = "Which face, when there are several (0: the largest)"
SEED = "Seed: the same number gives the same motion"
SUBTITLES = "Subtitles"
LABEL = "Write “AI-generated” into the picture"
SETTINGS = "Load the settings.json of an earlier video"

# 4 See it
SEE = "See it"
PREVIEW, VIDEO = "Preview", "Video"
PREVIEW_EMPTY = "<b>Nothing to see yet</b>Click an example above, or choose a portrait of your own."
VIDEO_EMPTY = "<b>No video yet</b>Press “Make it talk”; five seconds of speech take about as long."
PREVIEW_FROM_SPEECH = "The feeling is read from the voice when the video is made."
PREVIEW_UNSAID = "Say what to feel, and it shows here."
CONSENT = "I may animate this face: it is mine, its owner agreed, or it is nobody's."
START, TRIAL, STOP = "Make it talk", "First second", "Stop"
STOPPED = "Stopped."
WONT_WORK = "That won't work"
STAGES = {
    "tracking": "Following the face", "portrait": "Looking at the portrait",
    "speech": "Listening to the words", "emotion": "Reading the feeling",
    "motion": "Moving the face", "preparation": "Preparing the picture", "rendering": "Drawing",
}  # fmt: skip
FETCHING = "Fetching {what}, once"
COMPARING = "Comparing"
TIME_LEFT = "{what}, about {seconds:.0f} s left"
DOWNLOADS = "Downloads"
OVER_TIME = "Over time"
FACE_PLOT, FEELING_PLOT = "The face", "The feeling"
TOOK = "{length:.1f} s of video in {seconds:.1f} s."
MARKED = "Its metadata says that it is generated."

# Edit a video
EDIT_HINT = "A talking video of yours: change what the person feels, or let them say something else."
FILM = "The video"
MOMENT = "A moment of it"
FRAME = "This moment, with the feeling"
FRAME_HINT = "One person, seen roughly from the front; phone videos and webcam recordings will do."
FRAME_SEVERAL = " {faces} people: click the one who is meant."
FILMED_FEELING = "As filmed, the face reads as {feeling}."
EDIT_TASKS = ("Change the feeling", "Change the words")
OR_SPEECH = "Or a recording"
LONGER_LABEL = "When the words are longer than the video, it"
LONGER = ("starts again", "runs back and forth", "stands still")
OWN_FEELING, IN_WORDS = "What it shows", "In my words"
EDIT_STRENGTH = "Below 0 the face goes away from the feeling; “What it shows” at -1 is taken out."
EDIT_CONSENT = "I may change this video: it shows me, or everyone in it agreed."
EDIT_CONSENT_FIRST = "Please confirm that you may change this video: tick the box above the button."
EDIT_START = "Change the video"
EDIT_EMPTY = "<b>No video yet</b>Choose a talking video, a feeling, and press the button; drag the line to compare."
FILM_FIRST = "Please choose a video first."
FILMED, EDITED, DIVIDE = "As filmed", "Changed", "Line between the video as filmed and the changed one"

# Compare
COMPARE_HINT = (
    "The portrait and the words of the first tab with several feelings, all with the same sound. "
    "Without them, an example's are taken."
)
OTHERS = "More portraits, if you like"
FIRST_TAB = "The feeling of the first tab"
COMPARED_METHODS = "Instead of feelings: the papers' methods"
COMPARED_EMOTIONS, ALSO, ALSO_PLACEHOLDER = "Feelings", "Also, in your own words (one a line)", "tired but proud"
STRENGTHS, SECONDS = "Strengths", "Seconds of the speech"
COMPARE = "Compare"
COMPARE_EMPTY = "<b>No comparison yet</b>Eight faces for three seconds take about ten seconds."
COMPARED_FILM, COMPARED_SHEET = "All at the same time", "Six moments of each"
BEFORE_AFTER = "Before and after"
BEFORE_AFTER_HINT = "Drag the line: the photograph, and the person with the feeling."
TOO_MANY = "Please choose between 1 and {most} faces to compare; these are {count}."

# Live
LIVE_HINT = "Your microphone's sound moves the face half a second later. Without a picture, an example's face is taken."
LIVE_EMPTY = "Press “Speak”, and allow the microphone."
LIVE_START = "Speak"
LIVE_LOUD = "Let me hear myself, in time with the face (wear headphones)"
LIVE_FULL = "Somebody else's face is live just now, or yours in another window; please try again later."
LIVE_OVER = "Ten minutes are over. Press the button to go on."

# Many at once
BATCH_HINT = """Upload a zip with a `manifest.csv` and the files that it names; a zip with the videos comes back.

| portrait | text | speech | emotion | strength | size |
|---|---|---|---|---|---|
| anna.jpg | Good morning! | | happy | 0.8 | crop512 |
| ben.png | | hello.wav | tired but proud | | |

A row needs a portrait, and a text or a speech file. All other columns may be left out: voice, source (what `emotion`
is: label, text, map, mix, timeline, speech, picture, voice or video), out (the video's name) and every setting.
"""
BATCH_ARCHIVE = "Zip with manifest.csv"
BATCH_CONSENT = "I may animate these faces: they are mine, their owners agreed, or they are nobody's."
BATCH_START = "Make them all"
BATCH_RESULT = "The videos"
BATCH_DONE = "{made} of {count} videos made; `report.csv` in the zip says why others were not."
BATCH_FIRST = "Please upload a zip with a manifest.csv first."
BATCHING = "Making the videos"

# About
WEIGHTS = "Weights"
FETCH = "Fetch what this page needs"
FETCH_EXTRAS = "Fetch CLIP too ({megabytes:.0f} MB), which may read feelings better"
THERE, NOT_THERE, NOT_ASKED_FOR = "there", "fetched when needed", "fetched only when asked for"
WEIGHTS_HEAD = ("What", "Where", "Size", "Licence")
OWN_WEIGHTS = "{name}, this project's own"
SEE_CARD = "see its card"
VERIFY, VERIFY_FILE = "Was this made by Talker?", "A picture or film"
VERIFY_FIRST = "Please choose a picture or film first."
VERIFIED = "Made by Talker."
NOT_VERIFIED = "No sign of Talker was found, which proves nothing: marks can be lost."
ABOUT = """## Responsible use
Animate your own face, faces that don't exist, or people who agreed to it; never to deceive. Feelings are read from
faces and voices as what they look and sound like, not as what somebody feels. Every video says in its metadata and
in an invisible mark that it is generated, and can say so visibly.

What you upload stays on the computer that runs this page; results are removed when you close it.

## Licences
Code and own weights: Apache-2.0; the model cards in `checkpoints/` state data and limits; what was trained with data
for non-commercial use says so there. The face model derives from ICT-FaceKit (MIT). The portraits of the examples are
in the public domain (NASA, US Navy).
"""
