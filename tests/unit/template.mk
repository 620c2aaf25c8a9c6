# Unit tests of lib/template.
unit_tests += tests/unit/test_template
tests_unit_test_template_SOURCES = tests/unit/test_template.c
tests_unit_test_template_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_recipe
tests_unit_test_recipe_SOURCES = tests/unit/test_recipe.c
tests_unit_test_recipe_LDADD = $(AM_TESTS_LDADD)
EXTRA_DIST += tests/golden/template
