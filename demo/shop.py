"""The pages of the shop, and the ways through it."""

from typing import Final, NamedTuple

HOST: Final = "tea.example"


class Page(NamedTuple):
    """`next` are the paths that one goes on to, with their weights; the rest leaves."""

    title: str
    next: tuple[tuple[str, float], ...]
    seconds: int  # that a reader stays, on average


LANDINGS: Final = (
    ("/", 46),
    ("/teas/green", 13),
    ("/blog/how-to-brew-green-tea", 16),
    ("/blog/what-is-matcha", 10),
    ("/products/sencha", 6),
    ("/products/matcha-ceremonial", 6),
    ("/gifts", 3),
)

PAGES: Final[dict[str, Page]] = {
    "/": Page(
        "Leaf & Kettle",
        (("/teas/green", 22), ("/teas/black", 12), ("/gifts", 7), ("/blog", 6), ("/about", 4)),
        24,
    ),
    "/teas/green": Page(
        "Green teas",
        (("/products/sencha", 24), ("/products/matcha-ceremonial", 18), ("/", 5)),
        31,
    ),
    "/teas/black": Page(
        "Black teas", (("/products/assam", 26), ("/products/earl-grey", 19), ("/", 6)), 27
    ),
    "/gifts": Page("Gifts", (("/products/gift-box", 34), ("/products/matcha-ceremonial", 9)), 33),
    "/about": Page("Who we are", (("/", 18), ("/shipping", 8)), 41),
    "/shipping": Page("Shipping", (("/cart", 9), ("/", 8)), 26),
    "/blog": Page(
        "Journal",
        (("/blog/how-to-brew-green-tea", 26), ("/blog/what-is-matcha", 21)),
        19,
    ),
    "/blog/how-to-brew-green-tea": Page(
        "How to brew green tea", (("/teas/green", 13), ("/products/sencha", 7)), 148
    ),
    "/blog/what-is-matcha": Page(
        "What is matcha?", (("/products/matcha-ceremonial", 14), ("/blog", 5)), 121
    ),
    "/products/sencha": Page("Sencha", (("/cart", 19), ("/teas/green", 15)), 44),
    "/products/matcha-ceremonial": Page("Ceremonial matcha", (("/cart", 17), ("/shipping", 5)), 52),
    "/products/assam": Page("Assam", (("/cart", 18), ("/teas/black", 13)), 38),
    "/products/earl-grey": Page("Earl Grey", (("/cart", 17), ("/teas/black", 12)), 36),
    "/products/gift-box": Page("Gift box", (("/cart", 21), ("/gifts", 9)), 47),
    "/cart": Page("Your basket", (("/checkout", 47), ("/", 8)), 29),
    "/checkout": Page("Checkout", (("/thank-you", 62), ("/cart", 8)), 74),
    "/thank-you": Page("Thank you", (("/account", 14),), 18),
    "/account": Page("Your account", (), 35),
}

PRICES: Final = {
    "/products/sencha": 14.5,
    "/products/matcha-ceremonial": 32.0,
    "/products/assam": 11.0,
    "/products/earl-grey": 9.5,
    "/products/gift-box": 49.0,
}
