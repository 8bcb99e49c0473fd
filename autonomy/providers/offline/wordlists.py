"""Lists of English words, by what they tell about the words beside them."""

from __future__ import annotations

_DETERMINERS = "a an the its their his her our your each every some any no this that these those such many most few"
_PREPOSITIONS = "of in on at by for from with without into through between behind under over during against along"
_VERBAL = "to can could may might must shall should will would do does did not it they we you he she who cannot let"
_OBJECTS = "one ones a an the its their them his her each every what how whether it"
_AUXILIARY = "is are was were has have had be been being of can will may must should does do"
_STOP = f"""{_DETERMINERS} {_PREPOSITIONS} {_VERBAL} {_AUXILIARY}
about above across add adds after again all almost also although am among and another anybody anyone anything anyway
are around as away back because become becomes before began begin below beside best better both brought built but call
called calls came caught come comes count counts cut depend depends drawn else enough especially even ever everybody
everyone everything far felt finally first forever further gets give given gives go goes gone got grown held here how
however i if instead just keep keeps kept know known knows large last later lead leads least leave leaves left less
like likely live lives long lose loses made make makes making me mean means meet meets more moreover move moves much
must near nearly need needs neither never new next nobody nor nothing now often old once one only onto or other others
out own pay pays per perhaps put puts quite rarely rather really regard regards relies rely rise rises rose said same
save saves saw say says seek seem seems seen seldom serve serves set sets several since small so someone something
sometimes soon speak speaks stand stands still sunk take taken takes tend tends than them themselves then there
therefore they three thus too towards two unlike until up upon us used usually very via way well what whatever when
where whereas whether which while whom whose why within worse worst yet
"""
# Too general to head a phrase.
_VAGUE = """
advance amount answer area attempt average benefit calm case cent century chaotic choice common condition course day
decade detail end example exception fact form fraction frequent front gap generation green half height hour kind land
layer level limit lot mark matter mean measure metre minute month mood name need number order ordinary part people
per-cent percent place point practice problem question rare reason regard region rest result role rule sentence share
side size sort source stage start step subject sum thing time today trouble truth turn use useful view way week word
work year
"""
# Too general to stand alone, though not with another noun before them.
_GENERIC = """
ability action addition approach aspect attention basis capacity component consequence effect effort element factor
feature focus following impact interest issue like item key list member method mix mode nation opportunity option
possibility potential process purpose range replacement report series set term topic total type variety version
"""
# Before a noun they say nothing of what it is.
_PALE = """
additional appropriate available certain current different ensuring entire existing following former full further
future general important including key main major minor multiple necessary new numerous other overall particular
possible potential present previous proposed providing recommended related relevant respective significant similar
single specific total using various whole wide
"""
_CALENDAR = """
january february march april may june july august september october november december jan feb mar apr jun jul aug sep
sept oct nov dec monday tuesday wednesday thursday friday saturday sunday spring summer autumn fall winter
"""
# Words for documents and those who make them: they say what a source is, not what it speaks of.
_DOCUMENT = """
abstract acknowledgement acknowledgment advisory agenda annex appendix author background bibliography board booklet
bulletin caption chapter chart chief city column committee community content contents context council county
department director document draft edition executive figure footnote foreword framework glossary goal guide guideline
head heading history index initiative introduction listing manager manual mayor measure memo note objective office
officer outline overview page paper paragraph phase photo plan policy preface priority program programme project
proposal recommendation reference resource row section staff state statement status strategy summary table team text
title town vision volume website
"""
_VERBS = """
achieve adapt add address adopt affect aim allow apply appear assess avoid become begin belong benefit bring build
call carry cause change choose come commit complete conduct connect consider consist contain continue contribute
convert cool cost create cut decide define depend describe design determine develop direct draw drive educate emit
enable encourage engage ensure establish evaluate exist expand expect explain explore face fail feed find follow form
fund gain generate get give grow happen help hold identify implement improve include incorporate increase inform
install invest involve keep know lead learn let lie lose lower maintain make manage mean meet monitor move need occur
offer open operate own pay permit plant play prepare prevent prioritize produce promote protect provide pursue put
reach receive recommend reduce refer reflect remain remove replace represent require result rise run save say see seek
seem serve set show spend spread stand start store strengthen suffer suggest support sustain take tell tend train
transform turn understand update upgrade use work write
"""
STOP_WORDS = frozenset(_STOP.split())
BEFORE_NOUN = frozenset(f"{_DETERMINERS} {_PREPOSITIONS}".split())
BEFORE_VERB = frozenset(_VERBAL.split())
AFTER_NOUN = frozenset(_AUXILIARY.split())
AFTER_VERB = frozenset(_OBJECTS.split())
NOUN_ENDINGS = ("tion", "sion", "ment", "ness", "ity", "ance", "ence", "ency", "ancy", "ture", "ship", "ism")
ARTICLES = frozenset(("a", "an", "the"))
VAGUE_WORDS = frozenset(_VAGUE.split())
DOCUMENT_WORDS = frozenset(_DOCUMENT.split())
# None of these is a term on its own.
WEAK_ALONE = DOCUMENT_WORDS | frozenset(_GENERIC.split())
PALE_WORDS = frozenset(_PALE.split())
CALENDAR_WORDS = frozenset(_CALENDAR.split())
BASE_VERBS = frozenset(_VERBS.split())
