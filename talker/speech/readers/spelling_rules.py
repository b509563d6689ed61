"""Rules from spelling to phoneme letters, as rows: where a pattern matches first, its letters are taken.

Patterns are regular expressions in the word in small letters between "_" and "_"; letters follow what Kokoro learnt
these languages with (espeak's IPA, diphthongs as single capitals: A = ei, I = ai, W = au, O = ou).
"""

from __future__ import annotations

Rows = tuple[tuple[str, str], ...]

SPANISH: Rows = (
    ("ch", "ʧ"),
    ("ll", "ʎ"),
    ("rr", "r"),
    ("(?<=[_lns])r", "r"),
    ("r", "ɾ"),
    ("ñ", "ɲ"),
    ("qu(?=[eiéí])", "k"),
    ("gu(?=[eiéí])", "ɡ"),
    ("gü", "ɡw"),
    ("g(?=[eiéí])", "x"),
    ("j", "x"),
    ("c(?=[eiéí])", "θ"),
    ("z", "θ"),
    ("c", "k"),
    ("q", "k"),
    ("h", ""),
    ("x(?=[^aeiouáéíóú])", "ks"),
    ("(?<=_)x", "s"),
    ("x", "ks"),
    ("w", "w"),
    ("(?<=[aeiouáéíóúlrs])[bv](?=[aeiouáéíóúlr])", "β"),
    ("v", "b"),
    ("(?<=[aeiouáéíóúrs])d(?=[aeiouáéíóúr_])", "ð"),
    ("(?<=[aeiouáéíóúlrs])g(?=[aouáóúlr])", "ɣ"),
    ("g", "ɡ"),
    ("n(?=[ckgqj])", "ŋ"),
    ("n(?=[bpv])", "m"),
    ("ai|ay(?=_)|aí(?!.)", "I"),
    ("ái|áy(?=_)", "I"),
    ("[ae]u(?=[^aeo])", "W"),
    ("áu", "W"),
    ("ei|ey(?=_)|éi", "A"),
    ("oi|oy(?=_)|ói", "Y"),
    ("(?<=[^_aeo])i(?=[aeouáéóú])", "j"),
    ("(?<=_)hi(?=e)", "j"),
    ("u(?=[aeoiáéóí])", "w"),
    ("y(?=_)", "i"),
    ("y", "ʝ"),
    ("á", "a"),
    ("é", "e"),
    ("í", "i"),
    ("ó", "o"),
    ("[úü]", "u"),
    ("ph", "f"),
    ("k", "k"),
    ("([a-z])", "\\1"),
)

ITALIAN: Rows = (
    ("sci(?=[aeouàèéòù])", "ʃ"),
    ("sc(?=[eièéì])", "ʃ"),
    ("gli(?=[aeouàèéòù])", "ʎ"),
    ("gli(?=_)", "ʎi"),
    ("gn", "ɲ"),
    ("cci(?=[aouàòù])", "tːʃ"),
    ("cc(?=[eièéì])", "tːʃ"),
    ("ggi(?=[aouàòù])", "dːʒ"),
    ("gg(?=[eièéì])", "dːʒ"),
    ("ci(?=[aouàòù])", "ʧ"),
    ("c(?=[eièéì])", "ʧ"),
    ("gi(?=[aouàòù])", "ʤ"),
    ("g(?=[eièéì])", "ʤ"),
    ("cch|cq", "kː"),
    ("ggh", "ɡː"),
    ("ch", "k"),
    ("gh", "ɡ"),
    ("zz", "tːs"),
    ("(?<=_)z", "ʣ"),
    ("z", "ʦ"),
    ("([bdfglmnprstvc])\\1", "\\1ː"),
    ("(?<=[aeiou])s(?=[aeiouàèéìòù])", "z"),
    ("s(?=[bdglmnrv])", "z"),
    ("qu", "kw"),
    ("q", "k"),
    ("c", "k"),
    ("g", "ɡ"),
    ("h", ""),
    ("j", "j"),
    ("x", "ks"),
    ("y", "i"),
    ("w", "w"),
    ("n(?=[cgkq])", "ŋ"),
    ("[ií](?=[aeouàèéòù])(?!._)", "j"),
    ("(?<=[cgzstnlrv])i(?=[aeou]_)", "j"),
    ("u(?=[aeioàèéòì])", "w"),
    ("ai", "I"),
    ("au", "W"),
    ("ei", "A"),
    ("oi", "Y"),
    ("[àá]", "a"),
    ("è", "ɛ"),
    ("é", "e"),
    ("[ìíî]", "i"),
    ("ò", "ɔ"),
    ("ó", "o"),
    ("[ùú]", "u"),
    ("([a-z])", "\\1"),
)

PORTUGUESE: Rows = (
    ("ções", "sˈoɪ̃s"),
    ("ão", "ˈɐ̃ʊ̃"),
    ("ãe", "ˈɐ̃ɪ̃"),
    ("ães", "ˈɐ̃ɪ̃s"),
    ("õe", "ˈoɪ̃"),
    ("lh", "ʎ"),
    ("nh", "ɲ"),
    ("ch", "ʃ"),
    ("ss", "s"),
    ("sc(?=[eiéí])", "s"),
    ("xc(?=[eiéí])", "s"),
    ("ç", "s"),
    ("c(?=[eiéíê])", "s"),
    ("qu(?=[eiéíê])", "k"),
    ("gu(?=[eiéíê])", "ɡ"),
    ("qu", "kw"),
    ("gu(?=[aoáó])", "ɡw"),
    ("g(?=[eiéíê])", "ʒ"),
    ("j", "ʒ"),
    ("c|q", "k"),
    ("g", "ɡ"),
    ("rr", "x"),
    ("(?<=[_nls])r", "x"),
    ("r", "ɾ"),
    ("(?<=[aeiouáéíóúâêôãõ])s(?=[aeiouáéíóúâêôãõ])", "z"),
    ("(?<=_e)x(?=[aeiouáéíóú])", "z"),
    ("(?<=_e)x", "s"),
    ("x", "ʃ"),
    ("z(?=_)", "s"),
    ("h", ""),
    ("t(?=[ií]|es?_)", "ʧ"),
    ("d(?=[ií]|es?_)", "ʤ"),
    ("l(?=_|[^aeiouáéíóúâêôãõ])", "w"),
    ("am(?=_)", "ɐ̃ʊ̃"),
    ("[eé]m(?=_)", "eɪ̃"),
    ("[eé]ns(?=_)", "eɪ̃s"),
    ("[eé]n(?=[^aeiouáéíóúh])", "ẽ"),
    ("êm(?=_)", "eɪ̃"),
    ("[aâ][mn](?=[^aeiouáéíóúâêôãõh_])", "ɐ̃"),
    ("[aâ]n(?=_)", "ɐ̃"),
    ("[eê][mn](?=[^aeiouáéíóúâêôãõh_])", "ẽ"),
    ("[ií][mn](?=[^aeiouáéíóúâêôãõh])", "ĩ"),
    ("[oô][mn](?=[^aeiouáéíóúâêôãõh])", "õ"),
    ("[uú][mn](?=[^aeiouáéíóúâêôãõh])", "ũ"),
    ("ã", "ɐ̃"),
    ("õ", "õ"),
    ("[aá]i", "I"),
    ("[aá]u", "W"),
    ("[eê]i", "A"),
    ("éi", "ɛɪ"),
    ("[eê]u", "eʊ"),
    ("[oô]i", "Y"),
    ("ou", "O"),
    ("i(?=[aeoáéó])(?!._|.s_)", "j"),
    ("u(?=[aeoiáéó])(?!._|.s_)", "w"),
    ("a(?=s?_)", "ɐ"),
    ("e(?=s?_)", "i"),
    ("o(?=s?_)", "ʊ"),
    ("á|à", "a"),
    ("é", "ɛ"),
    ("ê", "e"),
    ("í", "i"),
    ("ó", "ɔ"),
    ("ô", "o"),
    ("ú|ü", "u"),
    ("â", "ɐ"),
    ("y", "i"),
    ("w", "w"),
    ("([a-z])", "\\1"),
)

ANTEPENULTIMATE = {  # Italian: endings whose words are stressed on the last syllable but two, and words that are not
    "endings": (
        "issim[oaie] [aiou]bil[ei] evol[ei] [^aeiou]+ic[oaie] ich[ei] [cpbvg]ol[oaie] ono [^v]ere ivere "
        "[stl]im[oaie] [^r]id[oaie] tere [aeiou]logo odo efon[oaie] abit[oaie] esim[oaie] [aeio]gin[aei] omin[ie] "
        "andosi ur[oa]no iv[ao]no av[ao]no arono ssero ettera amer[ae] umer[oi] iber[oaie] over[oaie] pover[oaie] "
        "enere attro umid[oaie] tic[oaie] itol[oi]"
    ),
    "not": (
        "amic[oaie] nemic[oaie] antic[oaie] fatica avere vedere sapere potere volere dovere piacere cadere tenere "
        "temere valere godere rimanere parere tacere sedere possedere persuadere perdono abbandono marito vestito "
        "finit[oaie] sentit[oaie] capit[oaie] mattin[oaie] bambin[oaie] vicin[oaie] parol[ae] scuol[ae] gioco"
    ),
}

UNSTRESSED = {  # small words that lean on the next one
    "es": (
        "a al con de del e el en es la las le les lo los me mi mis ni no o os para por que se si sin su sus te tu "
        "tus u un una y"
    ),
    "it": (
        "a ad al alla ai agli alle che ci col con da dal dalla de del della dei degli delle di e ed gli i il in "
        "la le lo ma mi ne nel nella non o per se si su sul sulla ti tra fra un una uno vi"
    ),
    "pt": (
        "a à ao aos as com da das de do dos e em lhe me na nas no nos o os ou para pela pelo por que se sem sua "
        "seu te um uma"
    ),
}

# Hindi: the Devanagari letters. A consonant carries the vowel ə unless another sign or a virama follows.
CONSONANT_SOUNDS = "k kʰ ɡ ɡʰ ŋ c cʰ ɟ ɟʰ ɲ ʈ ʈʰ ɖ ɖʰ ɳ t tʰ d dʰ n p pʰ b bʰ m j r l ʋ ʃ ʂ s h l"
VOWEL_SOUNDS = "ə aː ɪ iː ʊ uː rɪ eː ɛː oː ɔː ɔː ɛ"
SIGN_SOUNDS = "aː ɪ iː ʊ uː rɪ eː ɛː oː ɔː ɔː ɛ"
CONSONANTS = dict(
    zip(
        "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ",
        CONSONANT_SOUNDS.split(),
        strict=True,
    )
)
NUKTA = {"k": "q", "kʰ": "x", "ɡ": "ɣ", "ɟ": "z", "ɖ": "ɽ", "ɖʰ": "ɽʰ", "pʰ": "f", "j": "j"}  # with a dot below
VOWELS = dict(
    zip(
        "अआइईउऊऋएऐओऔऑऍ",
        VOWEL_SOUNDS.split(),
        strict=True,
    )
)
SIGNS = dict(
    zip(
        "ािीुूृेैोौॉॅ",
        SIGN_SOUNDS.split(),
        strict=True,
    )
)
