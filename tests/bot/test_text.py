import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text import names_inside, phrases, positions, readable


def tokens(text: str) -> list[tuple[int, str]]:
    """(position, term), several at one position too."""
    return [(place, term) for place, found in enumerate(positions(text)) for term in found]


def terms(text: str) -> set[str]:
    return {term for _, term in tokens(text)}


def found(query: str, text: str) -> bool:
    """Whether one of the query's readings stands in the text, term after term."""
    at = positions(text)
    return any(
        all(term in at[start + n] for n, term in enumerate(reading))
        for reading in phrases(query)
        for start in range(len(at) - len(reading) + 1)
    )


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (r"$\mathcal{O}(n^2)$", "𝒪(n²)"),
        (r"$\sum_{k=1}^n x_k \iff \prod_i y$", "∑ₖ₌₁ⁿ xₖ ⇔ ∏ᵢ y"),
        (r"$\left\|W - \hat{W}\right\|_2 \leq \|x\|$", "‖W - Ŵ‖₂ ≤ ‖x‖"),
        (r"Schr\"odinger, Poincar\'{e}, Ho\v{r}ava, Fran\c cois", "Schrödinger, Poincaré, Hořava, François"),
        (r"\L{}ukasz Erd\H{o}s, na\"{\i}ve", "Łukasz Erdős, naïve"),
        (r"CO$_2$ at $10^{-3}$ and $x_{ij}$", "CO₂ at 10⁻³ and xᵢⱼ"),
        (r"$\mathbb{R}^{d\times k}$ of 512$\times$256", "ℝ^(d×k) of 512×256"),
        (r"$\alpha$-divergence, 30$^\circ$C", "α-divergence, 30°C"),
        (r"\(x^2\) and $\frac{1}{2}$", "x² and 1/2"),
        (r"\textbf{bold \emph{both}} and \texttt{a\_b}", "bold both and a_b"),
        (r"\href{https://example.org/a%20b}{the code}, $n$ lines", "the code, n lines"),
        (r"up to 100\% of it, ~90\% not % a comment & more #1", "up to 100% of it, ~90% not % a comment & more #1"),
        ("100% of A & B", "100% of A & B"),
        ("<think> where $p<q$ and $r>s$", "<think> where p<q and r>s"),
        ("between $5 and $10 a month, or $20-$30", "between $5 and $10 a month, or $20-$30"),
        (r"\ours beats \unknown{it}", "ours beats unknownit"),
        (r"\newcommand{\ds}[1]{\text{\usefont{U}{d}{m}{n}#1}} We introduce \emph{it}.", "We introduce it."),
        (r"\renewcommand\x{y}and more", "and more"),
        ("one\n  two\tthree", "one two three"),
        ("no TeX _here_ ^at^ {all}", "no TeX _here_ ^at^ {all}"),
    ],
)
def test_tex_reads_as_text(source: str, shown: str) -> None:
    assert readable(source) == shown


def test_a_text_without_end_is_cut() -> None:
    assert len(readable("$x$ " * 100_000)) <= 20_000


TEX = st.lists(
    st.sampled_from([*"$\\{}%&#^_~ a1\n\ue000", r"\frac", r"\textbf{", r"\begin{a}", r"\'", r"\(", r"\]", "$$", "é"])
).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), TEX))
def test_no_text_is_too_broken_to_read(source: str) -> None:
    shown = readable(source)
    assert "  " not in shown and "\n" not in shown
    for place, term in tokens(shown):
        assert place >= 0 and term and " " not in term and len(term) <= 64


@given(st.text(alphabet=st.characters(blacklist_characters="\\$", blacklist_categories=["Cs"])))
def test_text_without_tex_keeps_its_characters(source: str) -> None:
    assert readable(source) == " ".join(source.split())


@pytest.mark.parametrize(
    "word", ["LoRA", "QLoRA", "ResLoRA", "LoRAMoE", "LoRA+", "LoRAs", "Trans-LoRA", "IR-QLoRA", "LORA"]
)
def test_a_name_is_found_inside_words_of_mixed_case(word: str) -> None:
    assert found("LoRA", f"we propose {word} for all") and found("lora", word)


@pytest.mark.parametrize(
    "word", ["exploration", "Exploration", "EXPLORATION", "exploRation", "floral", "Lora-x1ng", "MoRA"]
)
def test_a_name_is_not_found_in_the_letters_of_a_word(word: str) -> None:
    assert found("LoRA", word) is (word == "Lora-x1ng")


def test_names_inside_depend_on_humps_of_the_word() -> None:
    assert names_inside("MultiModalBERT") == ("multimodal", "multimodalbert", "modalbert", "bert")
    assert "moe" in names_inside("LoRAMoE") and names_inside("Llama2") == ("llama",)
    assert names_inside("exploration") == names_inside("Exploration") == names_inside("BERT") == ()


def test_a_query_is_not_split_into_the_names_inside_it() -> None:
    assert phrases("QLoRA") == (("qlora",),)
    assert not found("QLoRA", "plain LoRA")


@pytest.mark.parametrize(
    "query",
    ["fine-tuning", "finetuning", "fine tuning", "LLM finetuning", "finetuning methods", "LLM fine-tuning methods"],
)
def test_a_hyphenated_word_is_one_word_and_two_at_once(query: str) -> None:
    assert found(query, "some LLM fine-tuning methods")


@pytest.mark.parametrize("query", ["fine tuning", "finetuning", "fine-tuning", "fine tuned", "finetune"])
@pytest.mark.parametrize("text", ["LLM fine tuning methods", "LLM finetuning methods", "LLM fine-tuned methods"])
def test_a_compound_of_the_list_is_found_in_every_writing(query: str, text: str) -> None:
    assert found(query, text) and found(f"llms {query} method", text)
    assert all(found(word, text) for word in ("fine", "tuning"))


def test_other_words_written_apart_are_never_joined() -> None:
    assert not found("across", "a cross-lingual model") and not found("another", "an other")
    assert not found("a cross", "across") and not found("sea water", "seawater")


def test_both_writings_of_a_compound_are_found_by_the_hyphenated_one() -> None:
    assert phrases("fine-tuning") == (("fine", "tune"), ("finetun",))
    assert found("fine-tuning", "finetuning") and found("fine-tuning", "fine tuning")
    assert found("retrieval-augmented-generation", "retrievalaugmented generation")
    assert found("GPT-4", "GPT4") and found("GPT4", "GPT-4") and found("Navier-Stokes", "Navier–Stokes")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LLMs", "LLM"), ("gnns", "GNN"), ("GANs", "gan"), ("papers", "paper"), ("analyses", "analysis"),
        ("Schrödinger's", "Schrodinger"), ("Łukasz", "lukasz"), ("ＡＢ１２", "ab12"), ("efﬁcient", "efficient"),
        ("Straße", "STRASSE"), ("Καλός", "καλοσ"), ("CO₂", "co2"), ("低秩適應", "低秩适应"),
    ],
)  # fmt: skip
def test_writings_of_one_word_are_one_term(one: str, other: str) -> None:
    assert phrases(one) == phrases(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("experience", "experiment"), ("conversation", "conversion"), ("transformer", "transformation"), ("C", "C++"),
     ("C++", "C#"), ("general", "generalization"), ("import", "important"), ("か", "が"), ("GPS", "GPs")],
)  # fmt: skip
def test_words_that_readers_keep_apart_stay_apart(one: str, other: str) -> None:
    assert not found(one, other) and not found(other, one)


def test_signs_that_belong_to_a_name_stay() -> None:
    assert terms("C++ and C# with 3D, o1, 100+ and a+b") == {"c++", "c#", "3d", "o1", "100", "a", "b", "and", "with"}


def test_chinese_is_read_as_characters_and_pairs() -> None:
    assert tokens("大模型") == [(0, "大"), (0, "大模"), (1, "模"), (1, "模型"), (2, "型")]
    assert phrases("模") == (("模",),) and phrases("大模型") == (("大模", "模型"),)
    assert found("微调LoRA方法", "用微调LoRA方法的") and not found("大型", "大模型")


def test_names_of_people_keep_their_endings() -> None:
    assert positions("Andrew Rogers", names=True) == [("andrew",), ("rogers",)]
    assert phrases("Jean-Pierre O'Brien", names=True) == (("jean", "pierre", "obrien"), ("jeanpierre", "obrien"))


@given(st.text(alphabet="大小语言模型語適乾著", min_size=1), st.data())
def test_any_part_of_a_chinese_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert found(text[start:end], text)


WORDS = st.lists(
    st.sampled_from(
        [
            "LoRA",
            "fine-tuning",
            "微调",
            "大语言模型",
            "GPT-4",
            "state-of-the-art",
            "C++",
            "LLMs",
            "é",
            "x",
            "3.5",
            "O'Brien",
        ]
    ),
    min_size=1,
    max_size=8,
)


@given(WORDS, st.data())
def test_any_run_of_words_is_found_where_it_was_copied_from(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    assert found(" ".join(words[start:end]), " ".join(words))


@given(st.text(max_size=60))
def test_readings_are_few_and_never_empty_rows(text: str) -> None:
    readings = phrases(text)
    assert len(readings) <= 16 and all(reading and all(reading) for reading in readings)
    assert bool(readings) == bool(tokens(text))
