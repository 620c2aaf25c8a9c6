# Sources of lib/job: life cycle, seeds, checkpoints, the generation loop.
lib_libpp_la_SOURCES += \
	lib/job/config.c lib/job/config.h \
	lib/job/plan.c lib/job/plan.h
lib_libpp_la_SOURCES += \
	lib/job/template_ref.c lib/job/template_ref.h \
	lib/job/user.c lib/job/user.h
